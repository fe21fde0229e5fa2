import { AceError } from "@acewright/core-native";
import { expectation, fieldsOf, problemsWith, withoutNull } from "@acewright/trainer";
import type { FieldChoice, PlainNode, SchemaField } from "@acewright/trainer";
import { InvalidArgumentError } from "commander";
import type { z } from "zod";
import { readFlag } from "../../options-from-schema.js";
import { scalarOf } from "../../parse-value.js";
import { completed, isEqual, settingsOf, textOf, valueAt, withValue } from "../../choices/values.js";
import type { Values } from "../../choices/values.js";
import type { FormProblem, Texts } from "../form-api.js";

/** A form as it was filled in. */
export interface ReadForm {
  /** As a file would hold them, without what is a default anyway. */
  readonly values: Values;
  /** What the schema refuses, field by field. */
  readonly problems: readonly FormProblem[];
}

/**
 * Reads a form's texts as a command line's flags are read. What cannot be read goes on as it was typed, for the schema to
 * say what it expected.
 *
 * @param beside what the schema wants besides, such as folders.
 * @throws {AceError} ERR_CONFIG for a path that the schema does not have, and for a NUL character.
 */
export function readTexts(
  schema: z.ZodType,
  texts: Texts,
  { beside = {}, omit = [] }: FieldChoice & { readonly beside?: Values } = {},
): ReadForm {
  const fields = fieldsOf(schema, { omit });
  const paths = new Set(fields.map(({ path }) => path.join(".")));
  const unknown = Object.keys(texts).find((path) => !paths.has(path));
  if (unknown !== undefined)
    throw new AceError("ERR_CONFIG", `settings.${unknown}: there is no such setting`);
  // No command line can hold it.
  const cut = Object.keys(texts).find((path) => texts[path]?.includes("\0"));
  if (cut !== undefined) throw new AceError("ERR_CONFIG", `settings.${cut}: holds a NUL character`);
  let given: Values = {};
  const unread: FormProblem[] = [];
  for (const field of fields) {
    const path = field.path.join(".");
    const text = texts[path] ?? "";
    if (text === "") continue;
    const node = nodeBeside(field, texts, fields);
    // Of another kind than the chosen one: it counts no more, and comes back with its kind.
    if (node === undefined) continue;
    const { value, problem } = readText({ ...field, node, members: [] }, text);
    given = withValue(given, field.path, value);
    if (problem !== undefined) unread.push({ path, text: problem });
  }
  const values = completed(schema, withoutDefaults(schema, given));
  const problems = problemsWith(schema, { ...beside, ...values }).map(({ path, text }) => ({
    path: fieldAt(path, paths),
    text,
  }));
  // A flag may be narrower than the schema: what is trained is a command line.
  const more = unread.filter(({ path }) => !problems.some((problem) => problem.path === path));
  return { values, problems: [...problems, ...more] };
}

/** Settings as a form's texts. */
export function textsOf(schema: z.ZodType, values: unknown, choice: FieldChoice = {}): Texts {
  return Object.fromEntries(
    fieldsOf(schema, choice).flatMap(({ path }) => {
      const value = valueAt(values, path);
      return value === undefined || value === null ? [] : [[path.join("."), textOf(value)]];
    }),
  );
}

function nodeBeside(field: SchemaField, texts: Texts, fields: readonly SchemaField[]): PlainNode | undefined {
  if (field.members.length === 0) return field.node;
  const kindPath = [...field.path.slice(0, -1), "kind"].join(".");
  const typed = texts[kindPath] ?? "";
  const kind = typed === "" ? fields.find(({ path }) => path.join(".") === kindPath)?.node.default : typed;
  return field.members.find(({ tag }) => tag === kind)?.node;
}

function readText(field: SchemaField, text: string): { value: unknown; problem?: string } {
  try {
    return { value: readFlag(field, text) };
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    const { node } = field;
    return {
      value: loose(text, node),
      problem: `expected ${expectation(node)}, got ${JSON.stringify(text)}`,
    };
  }
}

/** What was typed, as near to what is wanted as it can be read. */
function loose(text: string, node: PlainNode): unknown {
  if (node.type === "array")
    return text.split(",").map((item) => loose(item.trim(), withoutNull(node.items || {})));
  return scalarOf(text, { type: "number" }) ?? text;
}

/** Settings without those that say what is so anyway. */
export function withoutDefaults(schema: z.ZodType, values: Values): Values {
  return settingsOf(schema, values).reduce(
    (left, { path, fallback }) =>
      isEqual(valueAt(left, path), fallback) ? withValue(left, path, undefined) : left,
    values,
  );
}

/** The field that a path leads into: an entry of a list is the list's fault. */
function fieldAt(path: string, fields: ReadonlySet<string>): string {
  const steps = path.split(".");
  for (let count = steps.length; count > 0; count--) {
    const at = steps.slice(0, count).join(".");
    if (fields.has(at)) return at;
  }
  return path;
}
