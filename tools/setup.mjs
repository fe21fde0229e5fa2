// npm run setup: checks the machine, installs what package-lock.json names, builds C++ and TypeScript.
// Everything here is incremental: a second run does nothing and takes seconds.
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, root, run } from "./child.mjs";
import { missingRequirements } from "./requirements.mjs";

/** @param {string} path */
const modifiedMs = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** npm writes node_modules/.package-lock.json last, so its age is the age of a finished install. */
const isInstalled = () => modifiedMs("node_modules/.package-lock.json") >= modifiedMs("package-lock.json");

/**
 * @param {string} what
 * @param {string} command
 * @param {readonly string[]} args
 */
async function step(what, command, args) {
  console.log(`== ${what}`);
  const { code } = await run(command, args);
  if (code !== 0) fail(`setup: ${what} failed (exit code ${code}); the reason stands above`);
}

/** Leaves a machine on which every other script runs, or ends the process with one line a missing thing. */
export async function setUp() {
  const missing = await missingRequirements();
  if (missing.length > 0) fail(missing.join("\n"), 2);
  if (!isInstalled()) await step("installing dependencies", "npm", ["ci", "--no-audit", "--no-fund"]);
  await step("building the native core", process.execPath, ["packages/core-native/tools/build-native.mjs"]);
  await step("building TypeScript", process.execPath, [
    "node_modules/nx/dist/bin/nx.js",
    "run-many",
    "-t",
    "build",
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await setUp();
  console.log("Ready. Next: npm run demo, or npm test");
}
