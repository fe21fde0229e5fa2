import { join, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { TrainEvent } from "@acewright/trainer";
import { expect, test } from "vitest";
import { Output } from "../../src/output.js";
import { TrainView } from "../../src/render/train-view.js";
import { recordingTerminal } from "../recording-terminal.js";

/** What the view reads of the beginning of a run that goes on at a step. */
const started = (step: number, steps: number) =>
  ({
    type: "started",
    step,
    resumedFrom: `run/checkpoints/step-${step}`,
    config: { adapter: { kind: "lora", rank: 8 }, schedule: "cosine", output: resolve("my runs/first") },
    plan: {
      steps,
      trainingSongs: 3,
      parameters: 1000,
      memory: { totalBytes: 2 ** 20 },
      recompute: { verdict: "green", reason: "it fits" },
    },
    device: { description: "a device", instructionSet: "scalar" },
  }) as unknown as TrainEvent;

const step = (at: number, secondsPerStep: number, etaS: number) =>
  ({
    type: "step",
    step: at,
    loss: 1,
    learningRate: 1e-4,
    skipped: false,
    secondsPerStep,
    etaS,
  }) as TrainEvent;

test("rate and time left are the run's own from the first step after a resume", () => {
  const terminal = recordingTerminal({ interactive: true, columns: 120 });
  const view = new TrainView(new Output(terminal, { json: false, plain: false }));
  view.show(started(5000, 10_000));
  view.show(step(5001, 2, 4999 * 2));
  view.clear();
  expect(stripVTControlCharacters(terminal.written.err)).toMatch(
    /5001\/10000 {2}2\.0 s\/step, 2 h 47 min left/,
  );
});

test("validations and samples to come are in the time left, not in the rate", () => {
  const terminal = recordingTerminal({ interactive: true, columns: 120 });
  const view = new TrainView(new Output(terminal, { json: false, plain: false }));
  view.show(started(0, 10));
  view.show(step(1, 0.5, 9 * 0.5 + 60));
  expect(stripVTControlCharacters(terminal.written.err)).toMatch(/1\/10 {2}2\.0 step\/s, 1 min 05 s left/);
});

test("the last step has no time left", () => {
  const terminal = recordingTerminal({ interactive: true, columns: 120 });
  const view = new TrainView(new Output(terminal, { json: false, plain: false }));
  view.show(started(8, 10));
  view.show(step(9, 0.5, 0.5));
  view.show(step(10, 0.5, 0));
  expect(stripVTControlCharacters(terminal.written.err)).toMatch(/10\/10 {2}2\.0 step\/s, 0\.0 s left/);
});

test("a run that was stopped says the line that goes on with it, fit to be copied", () => {
  const terminal = recordingTerminal({ interactive: false, columns: 120 });
  const view = new TrainView(new Output(terminal, { json: false, plain: false }));
  view.show(started(5000, 10_000));
  view.show({ type: "interrupted", step: 5001, checkpoint: "checkpoints/step-5001" });
  expect(terminal.written.err).toContain(
    `stopped at step 5001, saved; \`acewright train --resume "${join("my runs", "first")}"\` goes on\n`,
  );
});

test("one song and one step are said in the singular", () => {
  const terminal = recordingTerminal({ interactive: false, columns: 120 });
  const view = new TrainView(new Output(terminal, { json: false, plain: false }));
  const event = started(0, 1) as Extract<TrainEvent, { type: "started" }>;
  view.show({ ...event, plan: { ...event.plan, trainingSongs: 1 } });
  expect(terminal.written.err).toMatch(/^1 song, 1 step, lora rank 8/);
});
