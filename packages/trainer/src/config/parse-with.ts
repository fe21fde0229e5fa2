import { AceError } from "@acewright/core-native";
import type * as z from "zod";
import { expectation } from "../schema/expectation.js";
import { fieldsOf } from "../schema/fields.js";
import { schemaNode, type SchemaNode } from "../schema/node.js";
import { nearestName } from "./nearest-name.js";

/**
 * What a strict schema makes of the input, or one line that names each wrong field, what was expected and what came.
 *
 * @param source what to call the input in the message, such as its file.
 * @throws {AceError} ERR_CONFIG
 */
export function parseWith<T extends z.ZodType>(type: T, input: unknown, source: string): z.infer<T> {
  const parsed = type.safeParse(input);
  if (parsed.success) return parsed.data;
  const lines = explained(parsed.error, type, input).map(({ text }) => text);
  throw new AceError("ERR_CONFIG", `${source}: ${lines.join("; ")}`);
}

/** What speaks against one field. */
export interface FieldProblem {
  /** Dotted path of the field; "" for the input as a whole. */
  readonly path: string;
  /** What was expected and what came, the field named. */
  readonly text: string;
}

/** What {@link parseWith} would refuse, field by field: for a form that says it where it is to be mended. */
export function problemsWith(type: z.ZodType, input: unknown): FieldProblem[] {
  const { error } = type.safeParse(input);
  return error === undefined ? [] : explained(error, type, input);
}

function explained({ issues }: z.ZodError, type: z.ZodType, input: unknown): FieldProblem[] {
  const schema = schemaNode(type);
  return issues.flatMap((issue) =>
    explain(issue, input, schema).map((text) => ({ path: issue.path.map(String).join("."), text })),
  );
}

function explain(issue: z.core.$ZodIssue, input: unknown, root: SchemaNode): string[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => unknownKey([...path, key], input, root));
  if (issue.code === "custom") return [`${path.join(".")} ${issue.message}`];
  const value = valueAt(input, path);
  const words = wordsFor(schemaAt(path, input, root), path, root);
  const name = path.length === 0 ? "it" : path.join(".");
  if (value === undefined) return [`${name} is missing, expected ${words}`];
  return [`${name}: expected ${words}, got ${shown(value)}`];
}

function wordsFor(schema: SchemaNode | undefined, path: readonly string[], root: SchemaNode): string {
  if (path.at(-1) === "kind" && path.length === 2) {
    const kinds = fieldsOf(root).find((field) => field.path.join(".") === path.join("."))?.node;
    if (kinds !== undefined) return expectation(kinds);
  }
  return schema === undefined ? "an object" : expectation(schema);
}

function unknownKey(path: readonly string[], input: unknown, root: SchemaNode): string {
  const key = path.at(-1) ?? "";
  const parent = path.slice(0, -1);
  const fields = fieldsOf(root);
  const beside = fields.filter((field) => field.path.slice(0, -1).join(".") === parent.join("."));
  const other = beside.find((field) => field.path.at(-1) === key);
  if (other !== undefined && other.members.length > 0) {
    const kind = valueAt(input, [...parent, "kind"]);
    return `${path.join(".")} belongs to ${other.members.map(({ tag }) => tag).join(" and ")}, but ${parent.join(".")}.kind is ${shown(kind)}`;
  }
  const names = Object.keys(schemaAt(parent, input, root)?.properties ?? {});
  const nearest = nearestName(key, names);
  if (nearest !== undefined) return `unknown key ${path.join(".")}, did you mean ${nearest}?`;
  const elsewhere = fields.find((field) => field.path.at(-1) === key);
  if (elsewhere !== undefined)
    return `unknown key ${path.join(".")}, did you mean ${elsewhere.path.join(".")}?`;
  return `unknown key ${path.join(".")}; known here: ${names.join(", ")}`;
}

/** The schema of one field; a union is entered by the value's own `kind`. */
function schemaAt(path: readonly string[], input: unknown, root: SchemaNode): SchemaNode | undefined {
  let schema: SchemaNode | undefined = root;
  for (let depth = 0; depth <= path.length && schema !== undefined; depth++) {
    if (schema.oneOf !== undefined) {
      const chosen = valueAt(schema.default, ["kind"]);
      const kind = valueAt(input, [...path.slice(0, depth), "kind"]) ?? chosen;
      schema = schema.oneOf.find((variant) => variant.properties?.["kind"]?.const === kind);
    }
    const key = path[depth];
    if (key === undefined) break;
    schema = schema?.properties?.[key] ?? entrySchema(schema);
  }
  return schema;
}

function entrySchema(schema: SchemaNode | undefined): SchemaNode | undefined {
  if (schema?.items !== undefined && schema.items !== false) return schema.items;
  return typeof schema?.additionalProperties === "object" ? schema.additionalProperties : undefined;
}

function valueAt(input: unknown, path: readonly string[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function shown(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) as string | undefined);
  if (text === undefined) return typeof value;
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
