import { schemaNode, withoutNull } from "@acewright/trainer";
import type { PlainNode } from "@acewright/trainer";
import { Settings, settingKeys } from "./schema.js";
import type { SettingKey } from "./schema.js";

/** What the schema says of one setting. */
export interface SettingFacts {
  readonly key: SettingKey;
  readonly about: string;
  /** Variable of the environment that wins over the file. */
  readonly variable: string;
  readonly isFolder: boolean;
  readonly node: PlainNode;
}

/** Every setting in the schema's order. */
export const settingFacts: readonly SettingFacts[] = settingKeys.map((key) => {
  const field = Settings.shape[key];
  const { variable, folder } = field.meta() as { readonly variable: string; readonly folder?: boolean };
  const node = withoutNull(schemaNode(Settings).properties?.[key] ?? {});
  return { key, about: node.description ?? "", variable, isFolder: folder === true, node };
});

export function factsOf(key: SettingKey): SettingFacts {
  const facts = settingFacts.find((setting) => setting.key === key);
  if (facts === undefined) throw new Error(`no setting ${key}`);
  return facts;
}
