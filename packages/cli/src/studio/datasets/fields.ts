import { fieldsOf } from "@acewright/trainer";
import type { z } from "zod";
import { readFlag } from "../../options-from-schema.js";
import { flagsFor } from "../../choices/command-line.js";
import type { FieldView, TypedSettings } from "../dataset-api.js";

/** The fields of a schema that a form shows; all where none are named. */
export function fieldViews(schema: z.ZodType, keys?: readonly string[]): FieldView[] {
  const fields = fieldsOf(schema).map(({ path, node }): FieldView => {
    const bounds = {
      ...(node.minimum === undefined ? {} : { min: node.minimum }),
      ...(node.maximum === undefined ? {} : { max: node.maximum }),
    };
    return {
      key: path.join("."),
      label: path
        .join(" ")
        .replaceAll("_", " ")
        .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
      help: node.description ?? "",
      control:
        node.type === "boolean"
          ? "switch"
          : node.enum !== undefined
            ? "choice"
            : node.type === "number" || node.type === "integer"
              ? "number"
              : "text",
      whole: node.type === "integer",
      ...bounds,
      choices: (node.enum ?? []).map(String),
      fallback: node.default === undefined ? "" : textOf(node.default),
    };
  });
  return keys === undefined ? fields : keys.flatMap((key) => fields.find((field) => field.key === key) ?? []);
}

/**
 * Values of settings that were typed on the page. What is left open is left to its default.
 *
 * @throws {InvalidArgumentError} naming what was expected.
 */
export function typedValues(schema: z.ZodType, typed: TypedSettings): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const field of fieldsOf(schema)) {
    const key = field.path.join(".");
    const text = typed[key]?.trim() ?? "";
    if (text === "") continue;
    values[key] = field.node.type === "boolean" ? text === "true" : readFlag(field, text);
  }
  return values;
}

/** The same as flags of a command. */
export function typedFlags(schema: z.ZodType, typed: TypedSettings): string[] {
  return flagsFor(schema, typedValues(schema, typed));
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(",") : String(value);
}
