import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { renderCurves, type Series } from "../../src/render/chart.js";
import { textWidth } from "../../src/render/text-width.js";

const curve = (name: string, steps: number, from: number): Series => ({
  name,
  points: Array.from({ length: steps }, (_, i) => ({ step: i + 1, value: from / (1 + i / 20) })),
});

test("curves of one scale share a chart by colour, with a legend, within the width", () => {
  const chart = renderCurves([curve("first", 200, 1), curve("second", 100, 2)], 70, true);
  const lines = stripVTControlCharacters(chart).split("\n");
  expect(lines.at(-1)).toBe("── first, to step 200   ── second, to step 100");
  expect(Math.max(...lines.slice(0, -1).map(textWidth))).toBeLessThanOrEqual(70);
  expect(lines[0]).toContain("2.0000");
  expect(chart).toContain("\u001b[");
});

test("without colours they stand one below the other on the same scale", () => {
  const chart = renderCurves([curve("first", 200, 1), curve("second", 100, 2)], 70, false);
  expect(chart).not.toContain("\u001b[");
  const [first = "", second = ""] = chart.split("\n\n");
  expect(first).toMatch(/^first, to step 200\n/);
  expect(second).toMatch(/^second, to step 100\n/);
  expect(first).toContain("2.0000");
  expect(second).toContain("2.0000");
  // Half the steps take half the width.
  const width = (text: string) =>
    Math.max(
      ...text
        .split("\n")
        .slice(1)
        .map((line) => textWidth(line.trimEnd())),
    );
  expect(width(second) - 11).toBeLessThan((width(first) - 11) * 0.6);
});

test("curves without two points draw nothing", () => {
  expect(renderCurves([{ name: "a", points: [] }, curve("b", 1, 1)], 70, true)).toBe("");
});
