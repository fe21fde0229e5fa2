import { appendFileSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { TrainEvent } from "../../src/events.js";
import { EventLog, readEventLog } from "../../src/run/event-log.js";
import { nodeFiles } from "../../src/run/files.js";
import { scratch } from "../trained.js";

const step = (n: number): TrainEvent => ({
  type: "step",
  step: n,
  epoch: 1,
  loss: 0.1 + 0.2 * n,
  gradNorm: 1,
  learningRate: 1e-4,
  samplesPerSecond: 1,
  secondsPerStep: 1,
  etaS: 1,
  skipped: false,
});

test("what is appended is read back, numbers to the last bit", () => {
  const path = join(scratch(), "events.jsonl");
  const log = EventLog.open(nodeFiles, path, 0);
  for (let n = 1; n <= 5; n++) log.append(step(n));
  log.close();
  expect(readEventLog(nodeFiles, path)).toMatchObject([1, 2, 3, 4, 5].map(step));
});

test("a run that begins anew, killed before its first checkpoint, begins its log anew", () => {
  const path = join(scratch(), "events.jsonl");
  const warning = { type: "warning", step: 0, message: "said before the first step" } as const;
  for (let life = 0; life < 2; life++) {
    const log = EventLog.open(nodeFiles, path, 0);
    log.append(warning);
    log.close();
  }
  expect(readEventLog(nodeFiles, path)).toEqual([expect.objectContaining(warning)]);
});

test("opening at a step removes everything beyond it, and a torn line at any byte", () => {
  const path = join(scratch(), "events.jsonl");
  const log = EventLog.open(nodeFiles, path, 0);
  for (let n = 1; n <= 4; n++) log.append(step(n));
  log.append({ type: "checkpoint", step: 4, folder: "x" });
  log.append(step(5));
  log.close();
  const whole = readFileSync(path);
  for (let cut = 0; cut <= whole.length; cut += 7) {
    writeFileSync(path, whole.subarray(0, cut));
    const again = EventLog.open(nodeFiles, path, 4);
    again.append(step(5));
    again.close();
    const steps = readEventLog(nodeFiles, path)
      .filter(({ type }) => type === "step")
      .map((event) => event.step);
    expect(steps.at(-1)).toBe(5);
    expect(new Set(steps).size).toBe(steps.length);
    expect(
      readFileSync(path, "utf8")
        .split("\n")
        .slice(0, -1)
        .every((line) => line.startsWith("{")),
    ).toBe(true);
  }
});

test("a line that is not an event ends what can be trusted", () => {
  const path = join(scratch(), "events.jsonl");
  writeFileSync(path, `${JSON.stringify(step(1))}\n\0\0\0\n${JSON.stringify(step(2))}\n`);
  EventLog.open(nodeFiles, path, 10).close();
  expect(readEventLog(nodeFiles, path)).toHaveLength(1);
});

test.skipIf(process.platform !== "linux")("a full disk is told in one line", () => {
  const path = join(scratch(), "events.jsonl");
  symlinkSync("/dev/full", path);
  // /dev/full cannot be cut, so only that call is left out.
  const log = EventLog.open(
    { ...nodeFiles, ftruncateSync: () => undefined, existsSync: () => false },
    path,
    0,
  );
  expect(() => {
    log.append(step(1));
  }).toThrow(/events\.jsonl: writing the run's log failed: the disk is full; free some space and resume/);
  log.close();
});

test("a log without its last newline loses only that line", () => {
  const path = join(scratch(), "events.jsonl");
  const log = EventLog.open(nodeFiles, path, 0);
  log.append(step(1));
  log.close();
  appendFileSync(path, JSON.stringify(step(2)));
  expect(readEventLog(nodeFiles, path)).toHaveLength(1);
});
