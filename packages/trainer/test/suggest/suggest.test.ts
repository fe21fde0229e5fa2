import { join } from "node:path";
import type { MemoryPlan, PlanRequest } from "@acewright/core-native";
import { expect, test } from "vitest";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import { suggestWith, withSettings, withSettingsOf } from "../../src/suggest/suggest.js";
import { planRunWith } from "../../src/plan-run.js";
import { readRunConfig } from "../../src/run/run-folder.js";
import { keptBy } from "../plan/kept-by.js";
import { memory, testSongs } from "../quadratic-model.js";
import { toyModel, toyParts } from "../toy.js";
import { events, parts, scratch } from "../trained.js";

const gib = 2 ** 30;
const minute = 60 * 25;
const kept = keptBy({ none: 4, cheap: 3, mlp: 2, block: 0.5 }, 1);

/** 4 GiB of weights; kept a minute and song; a quarter GiB (of it two thirds moments) for each 16 of rank, half as much again with the MLP. */
const plan = ({ batch, frames, recompute, adapter, optimizer }: PlanRequest): MemoryPlan => {
  const arenaBytes = (kept(recompute) * gib * batch * frames) / minute;
  const width = (adapter.rank / 16) * (adapter.targetModules.includes("up_proj") ? 1.5 : 1) * 0.25 * gib;
  const own = optimizer?.kind === "adamw8bit" ? width / 2 : width;
  return { ...memory, weightBytes: 4 * gib, arenaBytes, totalBytes: 4 * gib + own + arenaBytes };
};
/** Four songs of four minutes unless told otherwise. */
const suggest = (totalGib: number, changes: Partial<TrainConfigInput> = {}, minutes = [4, 4, 4, 4]) =>
  suggestWith(
    parts(
      { plan },
      { openSamples: () => Promise.resolve(testSongs(minutes.map((length) => length * minute))) },
    ),
    shortRunWithout({ device: "cuda", ...changes }),
    { memoryBytes: totalGib * gib },
  );

/** The short run, with nothing decided that a suggestion decides. */
function shortRunWithout(changes: Partial<TrainConfigInput>): TrainConfigInput {
  return { tensors: "songs", model: "models/quadratic", output: "run", epochs: 2, ...changes };
}

test("rank 64 with the MLP where any policy holds it; the policy is the fastest that leaves a GiB", async () => {
  const adapter = { kind: "lora", rank: 64, targetMlp: true };
  // 4 weights + 1.5 adapter + 16, 12, 8 or 2 for one whole song, 1.5 to spare.
  expect((await suggest(23)).settings).toEqual({
    adapter,
    recompute: "none",
    batchSize: 1,
    gradientAccumulation: 4,
  });
  expect((await suggest(22.9)).settings).toMatchObject({ adapter, recompute: "cheap" });
  expect((await suggest(18.9)).settings).toMatchObject({ adapter, recompute: "mlp" });
  expect((await suggest(9)).settings).toMatchObject({ adapter, recompute: "block" });
});

test("given up one after the other: float32 moments, rank and MLP, at last the length", async () => {
  const narrow = { kind: "lora", rank: 16, targetMlp: false };
  const bytes = { kind: "adamw8bit" };
  expect((await suggest(8.9)).settings).toMatchObject({
    adapter: { rank: 64 },
    optimizer: bytes,
    recompute: "block",
  });
  expect((await suggest(8.2)).settings).toMatchObject({
    adapter: { rank: 32, targetMlp: true },
    optimizer: bytes,
    recompute: "block",
  });
  expect((await suggest(7.8)).settings).toMatchObject({ adapter: narrow });
  expect((await suggest(7.8)).settings.optimizer).toBeUndefined();
  expect((await suggest(7.7)).settings).toMatchObject({ adapter: narrow, optimizer: bytes });
  expect((await suggest(7.7)).settings.cropSeconds).toBeUndefined();
  expect((await suggest(7)).settings).toMatchObject({ adapter: narrow, optimizer: bytes, cropSeconds: 120 });
  expect((await suggest(6)).settings.cropSeconds).toBe(30);
});

test("where nothing is green the first that fits is taken; where nothing fits the least, and the verdict is red", async () => {
  const tight = await suggest(5);
  expect(tight.plan.recompute.verdict).toBe("yellow");
  expect(tight.settings).toMatchObject({ adapter: { rank: 16 }, recompute: "block" });
  const none = await suggest(4);
  expect(none.plan.recompute.verdict).toBe("red");
  expect(none.settings).toMatchObject({ adapter: { rank: 16 }, cropSeconds: 5 });
});

test("a batch grows while nothing more is recomputed, over as many songs as a step averages", async () => {
  expect((await suggest(39)).settings).toMatchObject({
    batchSize: 2,
    gradientAccumulation: 2,
    recompute: "none",
  });
  expect((await suggest(80)).settings).toMatchObject({ batchSize: 4, gradientAccumulation: 1 });
  expect((await suggest(80, {}, [4, 4])).settings).toMatchObject({ batchSize: 2, gradientAccumulation: 1 });
  expect((await suggest(80, { device: "cpu" })).settings).toMatchObject({
    batchSize: 1,
    gradientAccumulation: 4,
  });
});

test("songs of unlike lengths are not batched: the padding would cost more than the batch saves", async () => {
  const { settings, choices } = await suggest(80, {}, [4, 1, 3, 2]);
  expect(settings).toMatchObject({ batchSize: 1, gradientAccumulation: 4 });
  expect(choices.find(({ setting }) => setting === "batchSize")?.why).toMatch(/padded/);
});

test("what the user gave is kept, and the rest is chosen around it", async () => {
  const given = { adapter: { kind: "lora", rank: 128 }, batchSize: 2, recompute: "block" } as const;
  const { settings, plan: planned } = await suggest(12, given);
  expect(settings).toEqual({
    adapter: { kind: "lora", targetMlp: true },
    optimizer: { kind: "adamw8bit" },
    gradientAccumulation: 2,
  });
  expect(planned.config).toMatchObject({
    adapter: { rank: 128, targetMlp: true },
    batchSize: 2,
    recompute: "block",
  });
  const all = { rank: 64, targetMlp: true } as const;
  expect((await suggest(23, { adapter: { kind: "lokr", ...all } })).settings.adapter).toBeUndefined();
});

test("every choice says why, with the bytes that spoke against more", async () => {
  const { choices } = await suggest(7);
  expect(choices.map(({ setting, value }) => [setting, value])).toEqual([
    ["adapter.rank", 16],
    ["adapter.targetMlp", false],
    ["optimizer.kind", "adamw8bit"],
    ["cropSeconds", 120],
    ["batchSize", 1],
    ["recompute", "block"],
    ["gradientAccumulation", 4],
  ]);
  expect(choices[0]?.why).toBe("rank 32 needs 6.4 GiB of 7.0 GiB, whatever is recomputed");
  expect(choices[3]?.why).toBe("up to 240 s need 6.1 GiB of 7.0 GiB, whatever is given up");
});

test("on the real planner: the same for a stated memory each time, and train writes it down as plain values", async () => {
  const run = join(scratch(), "run");
  const open = { tensors: "toy", model: toyModel, output: run, cropFrames: 32 };
  const first = await suggestWith(toyParts(), open, { memoryBytes: 2 ** 31 });
  expect(await suggestWith(toyParts(), open, { memoryBytes: 2 ** 31 })).toEqual(first);
  expect(first.plan.recompute.verdict).toBe("green");
  expect(first.settings).toMatchObject({ adapter: { rank: 64 }, batchSize: 1, gradientAccumulation: 3 });
  const config = withSettings(open, first.settings);
  expect((await planRunWith(toyParts(), config, { memoryBytes: 2 ** 31 })).memory).toEqual(first.plan.memory);
  await events({ ...config, maxSteps: 1 }, {}, toyParts());
  const written = readRunConfig(run);
  expect(written).toMatchObject(first.settings);
  // Asked for again, the run keeps what was chosen for it, whatever the memory is now.
  expect(withSettingsOf(written, { ...open, batchSize: 3 })).toMatchObject({
    ...first.settings,
    batchSize: 3,
  });
});
