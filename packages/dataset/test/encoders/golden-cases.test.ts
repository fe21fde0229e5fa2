import { join } from "node:path";
import { expect, test } from "vitest";
import { runOnnxGoldenCases } from "../../src/encoders/golden-cases.js";

const golden = join(import.meta.dirname, "../../../../tools/reference/golden");

test("every golden case of the frozen networks passes, and every tensor in it has a use", async () => {
  const results = await runOnnxGoldenCases(golden);
  console.log(JSON.stringify(results));
  expect(results.map(({ name }) => name)).toEqual(["tiny_qwen3/case", "tiny_vae/case"]);
  for (const result of results) expect(result).toMatchObject({ passed: true });
  expect(results.map(({ consumed, compared }) => [consumed, compared])).toEqual([[1, 5], [2, 13]]); // prettier-ignore
});
