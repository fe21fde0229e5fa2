import { expect, test } from "vitest";
import { nearestName } from "../../src/config/nearest-name.js";

const known = ["learningRate", "batchSize", "epochs", "seed", "gradientAccumulation"];

test.each([
  ["learnigRate", "learningRate"],
  ["learning_rate", "learningRate"],
  ["LEARNINGRATE", "learningRate"],
  ["epcohs", "epochs"],
  ["sed", "seed"],
  ["gradient-acumulation", "gradientAccumulation"],
  ["frobnicate", undefined],
  ["", undefined],
])("%s means %s", (name, meant) => {
  expect(nearestName(name, known)).toBe(meant);
});
