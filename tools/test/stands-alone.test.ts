import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../child.mjs";

const self = "tools/test/stands-alone.test.ts";
const text =
  /\.(?:ts|mjs|cjs|js|json|md|txt|cpp|h|inc|cu|cuh|cmake|py|ya?ml|sh)$|(?:^|\/)(?:run|LICENSE|NOTICE)$/;

/** Files git knows or would know: what a clone holds. */
function trackedFiles(): string[] {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"];
  return execFileSync("git", args, { cwd: root, encoding: "utf8" }).trimEnd().split("\n");
}

function mentions(pattern: RegExp): string[] {
  return trackedFiles()
    .filter((path) => path !== self && path !== "package-lock.json" && text.test(path))
    .filter((path) => !path.startsWith("tools/reference/"))
    .filter((path) => pattern.test(readFileSync(join(root, path), "utf8")));
}

test("no file reaches out of the repository", () => {
  expect(mentions(/\.\.\/shared\b/)).toEqual([]);
});

test("no file names a path of the machine it was written on", () => {
  expect(mentions(/\/work\/(?:main|shared)\b/)).toEqual([]);
});
