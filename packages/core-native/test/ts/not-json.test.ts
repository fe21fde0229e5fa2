import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { notJson } from "../../ts/not-json.js";

function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

test("a text that cannot be parsed is no JSON, one that cannot be had is not called so", () => {
  expect(notJson(thrown(() => JSON.parse("{") as unknown))).toMatch(/^is not JSON \(.+ JSON .+\)$/);
  expect(notJson(thrown(() => readFileSync("no such file")))).toMatch(/^cannot be read \(ENOENT.*\)$/);
  expect(notJson("odd")).toBe("cannot be read (odd)");
});
