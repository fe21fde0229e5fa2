import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { writeFileAtomic } from "@acewright/core-native";
import { fileError } from "./files.js";

/**
 * Writes a small file whole or not at all, and its folder where that is missing.
 *
 * @param doing what failed, in an error: `writing this preset`.
 * @throws {AceError} ERR_FILE naming the file.
 */
export function writeWhole(file: string, text: string, doing: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileAtomic(file, text);
  } catch (cause) {
    throw fileError(cause, file, doing);
  }
}
