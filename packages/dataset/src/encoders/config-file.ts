import { AceError, notJson } from "@acewright/core-native";
import { readFileSync, statSync } from "node:fs";
import type { z } from "zod";

/** A model's config is a page of text; more is something else. */
const maxConfigBytes = 1_000_000;

/**
 * Reads a checkpoint's config.json (or another small JSON file) and checks the keys that are used.
 *
 * @throws {AceError} ERR_FILE when it is missing or not JSON; ERR_CHECKPOINT naming the first key that does not fit.
 */
export function readConfigFile<Schema extends z.ZodType>(path: string, schema: Schema): z.infer<Schema> {
  let text: string;
  try {
    if (statSync(path).size > maxConfigBytes) throw new Error(`larger than ${maxConfigBytes} bytes`);
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT")
      throw new AceError("ERR_FILE", `${path}: does not exist; \`acewright models download\` brings models`, {
        cause,
      });
    throw new AceError("ERR_FILE", `${path}: cannot be read (${(cause as Error).message})`, { cause });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AceError("ERR_FILE", `${path}: ${notJson(cause)}`, { cause });
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue === undefined ? "" : `${issue.path.join(".")}: ${issue.message}`;
  throw new AceError("ERR_CHECKPOINT", `${path}: ${where}`);
}
