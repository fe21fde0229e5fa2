// Builds the addon for a release and puts it where the package ships it: prebuilds/<platform>-<arch>/.
//
//   node tools/prebuild-release.mjs [--addon FILE] [--out FOLDER]
//
// --addon: one that is built already, instead of building; --out: where prebuilds/ goes, this package by default.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const packageFolder = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { addon: { type: "string" }, out: { type: "string" } } });

const addon = values.addon ?? built();
const { name } = /** @type {{ name: string }} */ (
  JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"))
);
// prebuildify moves what it finds in build/Release: a copy, so that the next build finds its own where it left it.
const stage = mkdtempSync(join(tmpdir(), "acewright-prebuild-"));
try {
  const release = join(stage, "build", "Release");
  mkdirSync(release, { recursive: true });
  copyFileSync(addon, join(release, "acewright_core.node"));
  const prebuildify = /** @type {(options: object, done: (error: Error | null) => void) => void} */ (
    createRequire(import.meta.url)("prebuildify")
  );
  // It calls a node-gyp to build; CMake has.
  const nothing = `"${process.execPath}" -e 0`;
  const out = resolve(values.out ?? packageFolder);
  await promisify(prebuildify)({
    cwd: stage,
    out,
    name,
    napi: true,
    strip: true,
    tagLibc: true,
    nodeGyp: nothing,
    shell: true,
  });
  console.log(`the addon is in ${join(out, "prebuilds", `${process.platform}-${process.arch}`)}`);
} finally {
  rmSync(stage, { recursive: true });
}

/** @returns {string} */
function built() {
  const build = join(packageFolder, "tools", "build-native.mjs");
  const { status } = spawnSync(process.execPath, [build, "--release"], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
  return join(packageFolder, "build", "release", "Release", "acewright_core.node");
}
