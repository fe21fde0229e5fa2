import * as z from "zod";

/** The part of JSON Schema (draft 2020-12) that zod writes of our schemas. */
export interface SchemaNode {
  /** Several only as zod writes a nullable scalar: `["number", "null"]`. */
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly items?: SchemaNode | false;
  readonly prefixItems?: readonly SchemaNode[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | boolean;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  /** How a text with a pattern is written, in words, from the schema's own `.meta({ form })`. */
  readonly form?: string;
  /** Name of the flag, from the schema's own `.meta({ flag })`. */
  readonly flag?: string;
}

/** A zod schema as plain data, as the user writes it (before defaults are filled in). */
export function schemaNode(schema: z.ZodType): SchemaNode {
  return z.toJSONSchema(schema, { io: "input", reused: "inline" }) as SchemaNode;
}

/** The members of a union of objects that are told apart by one key with a fixed value, e.g. `kind`. */
export interface TaggedUnion {
  readonly key: string;
  readonly members: readonly { readonly values: readonly string[]; readonly node: SchemaNode }[];
}

/** The tagged union a node is, or undefined. */
export function taggedUnion(node: SchemaNode): TaggedUnion | undefined {
  const options = node.oneOf ?? node.anyOf;
  if (options === undefined || options.length === 0) return undefined;
  const keys = Object.keys(options[0]?.properties ?? {});
  for (const key of keys) {
    const members = options.map((option) => ({
      values: fixedValues(option.properties?.[key]),
      node: option,
    }));
    if (members.every(({ values }) => values.length > 0)) return { key, members };
  }
  return undefined;
}

function fixedValues(node: SchemaNode | undefined): string[] {
  const values = node?.const === undefined ? (node?.enum ?? []) : [node.const];
  return values.every((value) => typeof value === "string") ? [...values] : [];
}

/** A node whose type is one word: what is left of it without `null`. */
export type PlainNode = Omit<SchemaNode, "type"> & { readonly type?: string };

/** Removes `| null` and other one-armed unions, keeping the outer description and default. */
export function withoutNull(node: SchemaNode): PlainNode {
  if (typeof node.type === "object") {
    const { type, ...rest } = node;
    const left = type.filter((name) => name !== "null");
    return left.length === 1 && left[0] !== undefined ? { ...rest, type: left[0] } : rest;
  }
  const options = (node.anyOf ?? node.oneOf)?.filter(({ type }) => type !== "null");
  const [only] = options ?? [];
  if (only === undefined || options?.length !== 1) return node as PlainNode;
  const { description = only.description, default: given = only.default } = node;
  return {
    ...(only as PlainNode),
    ...(description === undefined ? {} : { description }),
    ...(given === undefined ? {} : { default: given }),
  };
}
