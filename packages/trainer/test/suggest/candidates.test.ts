import { expect, test } from "vitest";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import { candidatesFor, openOf } from "../../src/suggest/candidates.js";

const given = (changes: Partial<TrainConfigInput> = {}) => ({
  tensors: "t",
  model: "m",
  output: "o",
  ...changes,
});
const minute = 60 * 25;

test("what the user said stands, and everything else is open", () => {
  const all = {
    rank: true,
    targetMlp: true,
    optimizer: true,
    crop: true,
    recompute: true,
    batch: true,
    accumulation: true,
  };
  expect(openOf(given(), false)).toEqual(all);
  expect(openOf(given({ adapter: { kind: "dora" } }), false)).toEqual(all);
  const closed = (changes: Partial<TrainConfigInput>, ranksAreKnown = false) =>
    Object.entries(openOf(given(changes), ranksAreKnown)).flatMap(([key, open]) => (open ? [] : [key]));
  expect(closed({ adapter: { kind: "lora", rank: 3 } })).toEqual(["rank"]);
  expect(closed({ adapter: { kind: "lora", targetMlp: false } })).toEqual(["targetMlp"]);
  expect(closed({ adapter: { kind: "lora", targetModules: ["q_proj"] } })).toEqual(["targetMlp"]);
  expect(closed({ adapter: { kind: "lokr" } })).toEqual(["rank", "targetMlp"]);
  expect(closed({}, true)).toEqual(["rank", "targetMlp"]);
  expect(closed({ optimizer: { kind: "adamw" } })).toEqual(["optimizer"]);
  expect(closed({ cropSeconds: 3 })).toEqual(["crop"]);
  expect(closed({ cropFrames: 30 })).toEqual(["crop"]);
  expect(closed({ recompute: "none" })).toEqual(["recompute"]);
  expect(closed({ batchSize: 1, gradientAccumulation: 2 })).toEqual(["batch", "accumulation"]);
});

test("moments are given up first, then rank and MLP, then seconds that the songs have", () => {
  const open = openOf(given(), false);
  const widths = [
    { kind: "lora", rank: 64, targetMlp: true },
    { kind: "lora", rank: 32, targetMlp: true },
    { kind: "lora", rank: 16, targetMlp: false },
  ];
  const least = { adapter: widths[2], optimizer: { kind: "adamw8bit" } };
  expect(candidatesFor(given(), open, minute)).toEqual([
    ...widths.flatMap((adapter) => [{ adapter }, { adapter, optimizer: { kind: "adamw8bit" } }]),
    ...[30, 15, 5].map((cropSeconds) => ({ ...least, cropSeconds })),
  ]);
  const crops = (frames: number) =>
    candidatesFor(given(), open, frames).flatMap(({ cropSeconds = [] }) => cropSeconds);
  expect(crops(minute + 1)).toEqual([60, 30, 15, 5]);
  expect(crops(10 * minute)).toEqual([120, 60, 30, 15, 5]);
  expect(crops(5 * 25)).toEqual([]);
});

test("only what is open is tried", () => {
  const lokr = given({ adapter: { kind: "lokr" }, cropSeconds: 9 });
  expect(candidatesFor(lokr, openOf(lokr, false), minute)).toEqual([
    {},
    { optimizer: { kind: "adamw8bit" } },
  ]);
  const ranked = given({ adapter: { kind: "dora", rank: 3 }, optimizer: { kind: "lion" }, cropFrames: 9 });
  expect(candidatesFor(ranked, openOf(ranked, false), minute)).toEqual(
    [true, true, false].map((targetMlp) => ({ adapter: { kind: "dora", targetMlp } })),
  );
});
