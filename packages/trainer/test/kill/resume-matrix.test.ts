import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { readEventLog } from "../../src/run/event-log.js";
import { nodeFiles } from "../../src/run/files.js";
import { toyParts, toyRun } from "../toy.js";
import { bytesOf, events, ofType, scratch } from "../trained.js";
import type { Dawdle } from "./kill-child.js";
import { killOnce } from "./kill-once.js";
import { killRun, startFolder } from "./kill-run.js";
import { resumeMatrix } from "./resume-matrix.js";

const full = process.env["ACEWRIGHT_TEST_FULL"] === "1";
const parts = 5;
/** Each day another fifth of the matrix: a failure is met again with ACEWRIGHT_TEST_PART set to what its name tells. */
const part = Number(process.env["ACEWRIGHT_TEST_PART"] ?? Math.floor(Date.now() / 86_400_000) % parts);
const runs = full ? resumeMatrix : resumeMatrix.filter((_, index) => index % parts === part);
const kills = full ? 5 : 2;

/** What a run has left of itself: its adapters to the bit, and every number of its log. */
function leftBy(run: string) {
  const best = join(run, "best");
  const log = readEventLog(nodeFiles, join(run, "events.jsonl"));
  return {
    final: bytesOf(join(run, "final")),
    best: existsSync(best) ? bytesOf(best) : {},
    steps: ofType(log, "step").map(({ step, loss, gradNorm, learningRate }) => ({
      step,
      loss,
      gradNorm,
      learningRate,
    })),
    validations: ofType(log, "validation").map(({ step, loss }) => ({ step, loss })),
  };
}

test("the matrix has twenty runs, each of its own name", () => {
  expect(new Set(resumeMatrix.map(({ name }) => name)).size).toBe(20);
});

test.each(runs)(
  `part ${part}: $name: killed ${kills} times, the run is the one never killed, bit for bit`,
  { timeout: 240_000 },
  async ({ name, continues }) => {
    const root = scratch();
    const { config } = killRun(name);
    const whole = join(root, "whole");
    if (continues) await events(toyRun(dirname(startFolder(whole)), { epochs: 2 }), {}, toyParts());
    const began = performance.now();
    await events(config(whole), {}, toyParts());
    const tookMs = performance.now() - began;
    const expected = leftBy(whole);
    expect(expected.steps.length).toBeGreaterThanOrEqual(8);

    let killed = 0;
    for (let attempt = 0; killed < kills; attempt++) {
      const run = join(root, `run-${attempt}`);
      for (let nth = 0; killed < kills; nth++) {
        const dawdle: Dawdle | null = nth % 2 === 1 ? { call: "renameSync", nth: attempt % 3 } : null;
        if ((await killOnce(name, run, { dawdle, withinMs: 0.9 * tookMs })) === undefined) break;
        killed++;
      }
      await events(config(run), { resume: "if-possible" }, toyParts());
      expect(leftBy(run)).toEqual(expected);
    }
  },
);
