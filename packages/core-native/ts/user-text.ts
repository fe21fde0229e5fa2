import { readFileSync } from "node:fs";

/**
 * The text of a file that a person may have written: without the byte order mark that editors of Windows put first.
 *
 * @throws the system's error where it cannot be read.
 */
export function readUserText(path: string): string {
  return new TextDecoder().decode(readFileSync(path));
}
