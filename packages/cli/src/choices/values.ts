import { fieldsOf, type SchemaField, type FieldChoice } from "@acewright/trainer";
import type { z } from "zod";

/** Settings as a file would hold them: nested, with nothing but what was chosen. */
export type Values = Readonly<Record<string, unknown>>;

/** What stands at a path, or undefined. */
export function valueAt(values: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inside, key) => (isObject(inside) && Object.hasOwn(inside, key) ? inside[key] : undefined),
    values,
  );
}

/** The same with another value at a path; undefined takes it away. */
export function withValue(values: Values, [head, ...rest]: readonly string[], value: unknown): Values {
  if (head === undefined) return values;
  const before = values[head];
  const inside = rest.length === 0 ? value : withValue(isObject(before) ? before : {}, rest, value);
  const isGone = inside === undefined || (rest.length > 0 && Object.keys(inside as object).length === 0);
  if (!isGone) return { ...values, [head]: inside };
  return Object.fromEntries(Object.entries(values).filter(([key]) => key !== head));
}

/** One setting as it stands with what is chosen beside it: of the kinds of an adapter only the chosen one counts. */
export interface Setting extends SchemaField {
  /** What it is where nothing is chosen. */
  readonly fallback: unknown;
}

/** The settings of a schema that belong to what is chosen. */
export function settingsOf(schema: z.ZodType, values: Values, choice: FieldChoice = {}): Setting[] {
  const flags = fieldsOf(schema, choice);
  return flags.flatMap((flag): Setting[] => {
    if (flag.members.length === 0) return [{ ...flag, fallback: flag.node.default }];
    const beside = [...flag.path.slice(0, -1), "kind"];
    const kind =
      valueAt(values, beside) ?? flags.find(({ path }) => path.join() === beside.join())?.node.default;
    const node = flag.members.find(({ tag }) => tag === kind)?.node;
    return node === undefined ? [] : [{ ...flag, node, members: [], memberCount: 0, fallback: node.default }];
  });
}

/** The same without what the chosen kinds do not have, and with each kind named that anything is said of. */
export function completed(schema: z.ZodType, values: Values): Values {
  const flags = fieldsOf(schema);
  const kinds = flags.filter(({ path }) => path.length > 1 && path.at(-1) === "kind");
  const named = kinds.reduce((left, { path, node }) => {
    const isSpokenOf = valueAt(left, path.slice(0, -1)) !== undefined;
    return isSpokenOf && valueAt(left, path) === undefined ? withValue(left, path, node.default) : left;
  }, values);
  const own = new Set(settingsOf(schema, named).map(({ path }) => path.join(".")));
  return flags
    .filter(({ path }) => !own.has(path.join(".")))
    .reduce((left, { path }) => withValue(left, path, undefined), named);
}

/** As it is written on a command line. */
export function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(",");
  if (isObject(value))
    return Object.entries(value)
      .map(([name, one]) => `${name}=${textOf(one)}`)
      .join(",");
  return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
}

export function isEqual(a: unknown, b: unknown): boolean {
  return a === b || textOf(a) === textOf(b);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
