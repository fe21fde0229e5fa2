import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { Output } from "../../src/output.js";
import { textWidth } from "../../src/render/table.js";
import { recordingTerminal } from "../recording-terminal.js";

test("a bar never wraps, is removed at the end and leaves one line", () => {
  const terminal = recordingTerminal({ interactive: true, columns: 60 });
  const progress = new Output(terminal, { json: false, plain: false }).progress("train", "step");
  progress.update(1, 100, "loss 1.2345 and a remark much longer than the terminal is wide");
  progress.update(100, 100);
  progress.finish("loss 0.4");
  const lines = terminal.written.err.split(/\r/).map(stripVTControlCharacters);
  for (const line of lines) expect(textWidth(line.trimEnd())).toBeLessThan(60);
  expect(lines.at(-1)).toMatch(/^done train: loss 0\.4 \(.*s\)\n$/);
});

test.each([
  ["not a terminal", { interactive: false }, {}],
  ["--plain", { interactive: true }, { plain: true }],
  ["--json", { interactive: true }, { json: true }],
])("nothing is drawn: %s", (_why, kind, options) => {
  const terminal = recordingTerminal(kind);
  const output = new Output(terminal, { json: false, plain: false, ...options });
  const progress = output.progress("train", "step");
  progress.update(1, 2);
  progress.update(2, 2);
  progress.finish();
  expect(terminal.written.err).not.toMatch(/\r|\u001b|█/);
  expect(terminal.written.err.split("\n").length).toBeLessThanOrEqual(2);
});
