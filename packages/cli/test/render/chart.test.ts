import { expect, test } from "vitest";
import { renderChart, renderLearningRate } from "../../src/render/chart.js";
import { textWidth } from "../../src/render/text-width.js";

test("a curve never leaves the terminal's width", () => {
  const falling = Array.from({ length: 1000 }, (_, i) => 2 / (1 + i / 50));
  for (const columns of [40, 80, 133]) {
    const lines = renderChart(falling, columns).split("\n");
    expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(columns);
    expect(lines.length).toBeGreaterThan(5);
  }
});

test("a value that is no number is left out, and one point is no curve", () => {
  expect(renderChart([1, NaN, 0.5], 80)).not.toContain("NaN");
  expect(renderChart([1], 80)).toBe("");
});

test("a learning rate is drawn over the whole run with its peak and its end on the axis", () => {
  const falling = (step: number) => 3e-4 * (1 - step / 1000);
  const lines = renderLearningRate(falling, 1000, 60).split("\n");
  expect(lines[0]).toContain("3.0e-4");
  expect(lines.at(-1)).toMatch(/e-[67]/);
  expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(60);
  expect(renderLearningRate(falling, 1, 60)).toBe("");
});
