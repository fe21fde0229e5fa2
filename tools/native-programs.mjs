import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./child.mjs";

const buildFolder = join(root, "packages/core-native/build");

/**
 * Path of a stand-alone program of the native core (`core_tests`, `core_golden`, `core_bench`).
 *
 * @param {string} name
 * @returns {string}
 */
export function nativeProgram(name) {
  const candidates = ["", "bin", "Release"].map((folder) => join(buildFolder, folder, name));
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined)
    throw new Error(`${name} is not built (looked at ${candidates.join(", ")}): npm run setup`);
  return found;
}
