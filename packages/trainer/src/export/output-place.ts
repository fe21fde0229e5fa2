import { existsSync, readdirSync, statSync } from "node:fs";
import { basename } from "node:path";
import { AceError } from "@acewright/core-native";

/** @throws {AceError} ERR_FILE where something is there already. */
export function refuseOccupied(output: string): void {
  if (!existsSync(output)) return;
  const there = statSync(output).isDirectory() ? readdirSync(output)[0] : basename(output);
  if (there === undefined) return;
  throw new AceError(
    "ERR_FILE",
    `${output}: already holds ${JSON.stringify(there)}; choose a new folder, nothing is overwritten`,
  );
}
