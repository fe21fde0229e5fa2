import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root, run } from "../child.mjs";
import type { GoldenReport } from "../golden.mjs";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-golden-"));
  // Another name than the golden folder's own: what a case is, its files say.
  cpSync(join(root, "tools/reference/golden/tiny_qwen3"), join(folder, "some_text_encoder"), {
    recursive: true,
  });
  cpSync(
    join(root, "tools/reference/golden/tiny_qwen3/case.safetensors"),
    join(folder, "stray/lonely.safetensors"),
  );
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function golden(...args: string[]) {
  return run(process.execPath, ["tools/golden.mjs", ...args], { capture: "both", env: { INIT_CWD: root } });
}

test("one JSON object counts every tensor, and a file that no case reads fails the run", async () => {
  const { code, stdout } = await golden(folder, "--json");
  const report = JSON.parse(stdout) as GoldenReport;
  expect(code).toBe(1);
  expect(report.cases.find(({ name }) => name === "some_text_encoder/case")).toMatchObject({
    passed: true,
    consumed: 1,
  });
  expect(report.cases.find(({ name }) => name === "stray/lonely")).toMatchObject({
    passed: false,
    compared: 0,
  });
  expect(report.worst).toBeLessThan(1e-5);
});

test.each([
  [[], /a folder is needed/],
  [["absent"], /absent is not a folder/],
])("golden %j is refused with exit code 2", async (args, message) => {
  const { code, stderr } = await golden(...args);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});

test("the demo refuses a folder that is none before it builds anything", async () => {
  const { code, stdout, stderr } = await run(process.execPath, ["tools/demo.mjs", "absent"], {
    capture: "both",
  });
  expect(code).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/absent is not a folder/);
});
