import type { z } from "zod";
import { fieldsOf, type FieldChoice } from "@acewright/trainer";
import { textOf, valueAt, type Values } from "./values.js";

/** The flags that say these settings: read by the command, they are the settings again. */
export function flagsFor(schema: z.ZodType, values: Values, choice: FieldChoice = {}): string[] {
  return fieldsOf(schema, choice).flatMap(({ name, path }) => {
    const value = valueAt(values, path);
    if (value === undefined) return [];
    if (typeof value === "boolean") return [value ? `--${name}` : `--no-${name}`];
    const text = textOf(value);
    // `--factor -1`: a value that begins with a dash must not look like a flag.
    return text.startsWith("-") ? [`--${name}=${text}`] : [`--${name}`, text];
  });
}

/** Words as they are typed into a shell. */
export function shellLine(words: readonly string[], platform: NodeJS.Platform = process.platform): string {
  return words
    .map((word) => {
      if (/^[\w@%+=:,./-]+$/.test(word)) return word;
      return platform === "win32" ? `"${word.replaceAll('"', '\\"')}"` : `'${word.replaceAll("'", "'\\''")}'`;
    })
    .join(" ");
}
