import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root, run } from "../child.mjs";
import type { Counts } from "../vitest-counts.mjs";

let folder: string;
let counts: Counts;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "acewright-counts-"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(
    join(folder, "mixed.test.js"),
    `import { expect, test } from "vitest";
     test("passes", () => {});
     test("fails", () => expect(1).toBe(2));
     test("says why it is skipped", (ctx) => ctx.skip("no GPU here"));
     test.skip("is skipped in silence", () => {});
     test.todo("is not written");`,
  );
  writeFileSync(join(folder, "broken.test.js"), `import "./absent.js";`);
  const reporter = join(root, "tools/vitest-counts.mjs");
  writeFileSync(
    join(folder, "vitest.config.mjs"),
    `export default { test: { reporters: [[${JSON.stringify(reporter)}, { outputFile: "counts.json" }]] } };`,
  );
  await run(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run"], {
    cwd: folder,
    capture: "both",
  });
  counts = JSON.parse(readFileSync(join(folder, "counts.json"), "utf8")) as Counts;
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

test("what passed and what was skipped for a reason is counted as such", () => {
  expect(counts.passed).toBe(1);
  expect(counts.skipped).toEqual([{ name: "mixed.test.js: says why it is skipped", reason: "no GPU here" }]);
});

test("a test that fails, is skipped in silence, is not written, or whose file does not load is a failure", () => {
  expect(counts.failed.map(({ name }) => name).sort()).toEqual([
    "broken.test.js",
    "mixed.test.js: fails",
    "mixed.test.js: is not written",
    "mixed.test.js: is skipped in silence",
  ]);
});
