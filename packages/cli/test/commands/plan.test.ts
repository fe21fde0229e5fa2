import { stripVTControlCharacters } from "node:util";
import type { PlannedRun } from "@acewright/trainer";
import { expect, test } from "vitest";
import { planTable } from "../../src/commands/plan.js";
import { Output } from "../../src/output.js";
import { recordingTerminal } from "../recording-terminal.js";

const reason =
  "training needs 46.7 MiB with recompute block, there are 1.0 MiB free on cpu; a device with at least 553.4 MiB is needed";
const plan = {
  config: { adapter: { kind: "lora", rank: 8 }, learningRate: 1e-4, recompute: "auto" },
  memory: {},
  recompute: { verdict: "red", reason },
  device: { description: "a device", instructionSet: "scalar" },
} as unknown as PlannedRun;

test("a verdict is broken between words to the terminal's width, and not at all where nobody looks", () => {
  const { colors } = new Output(recordingTerminal({ interactive: true, columns: 80 }), {
    json: false,
    plain: false,
  });
  const lines = (cells: number) => stripVTControlCharacters(planTable(plan, { colors, cells })).split("\n");
  expect(lines(Infinity).join("\n")).toContain(`red: ${reason}`);
  const narrow = lines(60);
  expect(Math.max(...narrow.map(({ length }) => length))).toBeLessThanOrEqual(60);
  const from = narrow.findIndex((line) => line.startsWith("verdict"));
  const to = narrow.findIndex((line) => line.startsWith("work  "));
  const words = narrow.slice(from, to).map((line) => line.replace(/^verdict/, "").trim());
  expect(words.join(" ")).toBe(`red: ${reason}`);
});
