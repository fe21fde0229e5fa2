import { AceError } from "@acewright/core-native";
import type { RunAdapter } from "../export/find-adapter.js";

/** An adapter to listen to. */
export interface AdapterUse {
  /** PEFT folder, LyCORIS file, or a run. */
  readonly path: string;
  /** 1 as trained, 0 off. */
  readonly scale: number;
  /** Which adapter of a run; its final one by default. */
  readonly which?: RunAdapter;
  /** Parts of the model in which it works more or less; where several name a module, all are multiplied. */
  readonly groups?: readonly ScaledGroup[];
  /** It works in this part of the way from noise (0) to music (1); the whole by default. */
  readonly from?: number;
  readonly to?: number;
}

/** `self_attn`, `cross_attn`, `mlp`, `q_proj`, `layers.3`, `layers.12-23` or `layers.12-23.mlp`, and its factor. */
export interface ScaledGroup {
  readonly group: string;
  readonly scale: number;
}

const number = String.raw`-?(?:\d+\.?\d*|\.\d+)`;
const written = new RegExp(
  String.raw`^(?<path>.+?)(?::(?<scale>${number})(?<groups>(?:,[^,=@]+=${number})*))?(?:@(?<from>${number})-(?<to>${number}))?$`,
);

/**
 * `PATH[:SCALE[,GROUP=SCALE]...][@FROM-TO]`, such as `runs/first:0.8,self_attn=0.5,layers.12-23=0@0.2-1`. What does not end
 * so is a path.
 *
 * @throws {AceError} ERR_CONFIG when the part of the way is empty or none, or there is no path.
 */
export function parseAdapterUse(text: string): AdapterUse {
  const { path = text, scale = "1", groups = "", from, to } = written.exec(text)?.groups ?? {};
  if (path === "" || path.startsWith(":")) {
    throw new AceError(
      "ERR_CONFIG",
      `adapter ${JSON.stringify(text)}: expected PATH[:SCALE[,GROUP=SCALE]...][@FROM-TO]`,
    );
  }
  const listed = groups
    .split(",")
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [group = "", factor = "1"] = entry.split("=");
      return { group, scale: Number(factor) };
    });
  const use: AdapterUse = {
    path,
    scale: Number(scale),
    ...(listed.length > 0 && { groups: listed }),
    ...(from !== undefined && to !== undefined && { from: Number(from), to: Number(to) }),
  };
  checkSpan(use);
  return use;
}

/** @throws {AceError} ERR_CONFIG */
export function checkSpan({ path, from = 0, to = 1 }: AdapterUse): void {
  if (from >= 0 && to <= 1 && from < to) return;
  throw new AceError(
    "ERR_CONFIG",
    `adapter ${path}: expected a part of the way within 0 to 1, the first number below the second, got ${from}-${to}`,
  );
}

/**
 * What each module's change is multiplied by, in the order given; undefined where all are 1.
 *
 * @param modules such as `layers.0.self_attn.q_proj`
 * @throws {AceError} ERR_CONFIG when a group names no module of the adapter.
 */
export function moduleScales(use: AdapterUse, modules: readonly string[]): number[] | undefined {
  if (use.groups === undefined) return undefined;
  const scales = modules.map(() => 1);
  for (const { group, scale } of use.groups) {
    const parts = group.split(".").map(partMatcher);
    let hits = 0;
    modules.forEach((module, index) => {
      if (!contains(module.split("."), parts)) return;
      hits++;
      scales[index] = (scales[index] ?? 1) * scale;
    });
    if (hits > 0) continue;
    const kinds = [
      ...new Set(modules.flatMap((module) => module.split(".").filter((part) => !/^\d+$/.test(part)))),
    ];
    throw new AceError(
      "ERR_CONFIG",
      `adapter ${use.path}: ${JSON.stringify(group)} names none of its ${modules.length} modules; they lie in ${kinds.sort().join(", ")}, and layers are named as layers.3 or layers.12-23`,
    );
  }
  return scales;
}

function partMatcher(part: string): (name: string) => boolean {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(part) ?? [];
  if (first === undefined || last === undefined) return (name) => name === part;
  return (name) => /^\d+$/.test(name) && Number(name) >= Number(first) && Number(name) <= Number(last);
}

/** Whether the parts stand somewhere in the name, one right after the other. */
function contains(names: readonly string[], parts: readonly ((name: string) => boolean)[]): boolean {
  return names.some(
    (_, start) =>
      start + parts.length <= names.length && parts.every((matches, i) => matches(names[start + i] ?? "")),
  );
}
