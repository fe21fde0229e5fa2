import { stripVTControlCharacters } from "node:util";
import { expect, test, vi } from "vitest";
import { Output } from "../../src/output.js";
import { textWidth } from "../../src/render/text-width.js";
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

test("a reader of --json hears how far the work is where that is wanted, about once a second and at the end", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const terminal = recordingTerminal({ tellsProgress: true });
    const bar = new Output(terminal, { json: true, plain: false }).progress("check", "song");
    bar.update(0, 4, "a.wav");
    for (const done of [1, 2, 3]) {
      vi.advanceTimersByTime(600);
      bar.update(done, 4, "b.wav");
    }
    bar.update(4, 4);
    const told = terminal.written.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    const base = { type: "bar", what: "check", unit: "song", total: 4 };
    expect(told).toEqual([
      { ...base, done: 0, share: 0, remark: "a.wav" },
      { ...base, done: 2, share: 0.5, remark: "b.wav", left: 1.2 },
      { ...base, done: 4, share: 1, remark: "", left: 0 },
    ]);
    const silent = recordingTerminal();
    new Output(silent, { json: true, plain: false }).progress("check", "song").update(1, 1);
    expect(silent.written).toEqual({ out: "", err: "" });
  } finally {
    vi.useRealTimers();
  }
});

test("what an earlier process brought makes no pace, nor does the time before it was looked at", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const terminal = recordingTerminal({ interactive: true, columns: 100 });
    const bar = new Output(terminal, { json: false, plain: false }).progress("model", "MB");
    const shown = (): string => stripVTControlCharacters(terminal.written.err.split("\r").at(-1) ?? "");
    vi.advanceTimersByTime(30_000); // hashes are compared
    bar.update(500, 1000, "", { earlier: 500 });
    expect(shown()).toMatch(/500\/1000$/);
    vi.advanceTimersByTime(1000);
    bar.update(510, 1000, "", { earlier: 500 });
    expect(shown()).toContain("510/1000  10.0 MB/s, 49 s left");
    // Another file, half of which was there.
    vi.advanceTimersByTime(1000);
    bar.update(710, 1000, "", { earlier: 700 });
    expect(shown()).toContain("710/1000  10.0 MB/s, 29 s left");
    // One is begun anew.
    vi.advanceTimersByTime(1000);
    bar.update(510, 1000, "", { earlier: 510 });
    vi.advanceTimersByTime(1000);
    bar.update(520, 1000, "", { earlier: 510 });
    expect(shown()).toContain("520/1000  10.0 MB/s, 48 s left");
  } finally {
    vi.useRealTimers();
  }
});
