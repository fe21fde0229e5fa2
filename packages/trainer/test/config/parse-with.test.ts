import { expect, test } from "vitest";
import { parseConfig, problemsWith, TrainConfig } from "@acewright/trainer";

const places = { tensors: ".", model: ".", output: "." };

test("what is wrong is told field by field, in the words of the refusal", () => {
  const wrong = { ...places, epochs: 0, adapter: { kind: "lokr", dropout: 0.1, rank: "8" }, lerningRate: 1 };
  const problems = problemsWith(TrainConfig, wrong);
  expect(problems.map(({ path }) => path).sort()).toEqual(["", "adapter", "adapter.rank", "epochs"]);
  for (const { text } of problems) {
    expect(() => parseConfig(wrong)).toThrow(text);
  }
  expect(problems.find(({ path }) => path === "epochs")?.text).toBe(
    "epochs: expected a whole number from 1 to 1000000, got 0",
  );
});

test("what is right has no problems", () => {
  expect(problemsWith(TrainConfig, places)).toEqual([]);
});
