// What is not finite, on the real core: broken tensors and a learning rate that explodes.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { TrainEvent } from "../../src/events.js";
import type { SampleSource } from "../../src/sample-source.js";
import type { TrainParts } from "../../src/train/open-run.js";
import { trainWith } from "../../src/train/train.js";
import { toyParts, toyRun, toySamples } from "../toy.js";
import { ofType, scratch } from "../trained.js";

/** The toy's clips, one of them broken. */
function withValue(broken: number, value: number): SampleSource {
  const samples = toySamples();
  const read = async (index: number) => {
    const sample = await samples.read(index);
    return index === broken ? { ...sample, latents: sample.latents.map(() => value) } : sample;
  };
  return { ...samples, read };
}

async function untilItEnds(parts: TrainParts, config: Parameters<typeof trainWith>[1]) {
  const all: TrainEvent[] = [];
  try {
    for await (const event of trainWith(parts, config)) all.push(event);
  } catch (error) {
    return { all, error };
  }
  return { all, error: undefined };
}

const one = { batchSize: 1, gradientAccumulation: 1, epochs: 3, saveEverySteps: 100 };

test.each([
  ["infinite", Infinity, /^loss$/],
  // The loss is summed in double, where this still has a square: whether it or the float32 gradient overflows first is
  // the timestep's choice.
  ["huge", 3e38, /^(loss|gradient)$/],
] as const)(
  "a song with %s values is skipped, named with its timestep, and the others train on",
  async (_, value, expected) => {
    const run = join(scratch(), "run");
    const parts = { ...toyParts(), openSamples: () => Promise.resolve(withValue(1, value)) };
    const { all, error } = await untilItEnds(parts, toyRun(run, one));
    expect(error).toBeUndefined();
    const skipped = ofType(all, "step").filter((event) => event.skipped);
    expect(skipped).toHaveLength(3); // once an epoch
    const what = skipped[0]?.notFinite?.what ?? "";
    expect(what).toMatch(expected);
    for (const { notFinite } of skipped) {
      expect(notFinite).toMatchObject({ samples: [{ song: "bells-1" }] });
      expect(notFinite?.samples[0]?.timestep).toBeGreaterThan(0);
      expect(notFinite?.samples[0]?.timestep).toBeLessThan(1);
    }
    const timestep = skipped[0]?.notFinite?.samples[0]?.timestep ?? 0;
    expect(ofType(all, "warning").map(({ message }) => message)).toContainEqual(
      `step ${skipped[0]?.step ?? 0}: the ${what} of bells-1 (timestep ${timestep.toFixed(4)}) is not a finite number; nothing was updated`,
    );
    expect(readFileSync(join(run, "events.jsonl"), "utf8")).toContain(`"timestep":${timestep}`);
    expect(all.at(-1)).toMatchObject({ type: "finished", skippedSteps: 3 });
    const others = ofType(all, "step").filter((event) => !event.skipped);
    expect(others).toHaveLength(6);
    for (const { loss } of others) expect(loss).toBeLessThan(100);
  },
);

test("a learning rate that explodes stops after ten steps in a row, with a checkpoint and one error", async () => {
  const run = join(scratch(), "run");
  const config = toyRun(run, { ...one, learningRate: 100, warmupSteps: 0, epochs: 100, maxGradNorm: 0 });
  const { all, error } = await untilItEnds(toyParts(), {
    ...config,
    optimizer: { weightDecay: 10 }, // 1 - lr * decay = -999: every step multiplies the weights
  });
  expect(error).toMatchObject({
    code: "ERR_TRAINING",
    message: expect.stringMatching(
      /^10 steps in a row .*lower learningRate \(100\).*saved in .*step-/,
    ) as string,
  });
  const steps = ofType(all, "step");
  expect(steps.slice(-10).every(({ skipped }) => skipped)).toBe(true);
  expect(steps.at(-11)?.skipped).toBe(false);
  expect(ofType(all, "checkpoint")).toHaveLength(1);
});
