import type { DeviceInfo, MemoryPlan, PlanRequest } from "@acewright/core-native";
import { expect, test } from "vitest";
import { chooseRecompute, headroomBytes } from "../../src/plan/recompute.js";
import { memory } from "../quadratic-model.js";

const gib = 2 ** 30;
const device = (free: number): DeviceInfo => ({
  name: "cuda:0",
  description: "test",
  instructionSet: "sm_90",
  buildId: "test",
  memoryBytes: 80 * gib,
  freeBytes: free,
  threads: 1,
});

const frames = 6000;
const request: Omit<PlanRequest, "recompute"> = {
  batch: 2,
  frames,
  conditionTokens: 300,
  adapter: { kind: "lora", rank: 8, alpha: 8, targetModules: ["q_proj"] },
};
const kept = { none: 16, cheap: 12, mlp: 8, block: 2 };

/** 4 GiB of weights, and activations in proportion to batch and frames. */
const plan = ({ batch, frames: length, recompute }: PlanRequest): Promise<MemoryPlan> => {
  const arenaBytes = (kept[recompute] * gib * batch * length) / frames;
  return Promise.resolve({ ...memory, weightBytes: 4 * gib, arenaBytes, totalBytes: 4 * gib + arenaBytes });
};
const choose = (
  asked: PlanRequest["recompute"] | "auto",
  freeGib: number,
  changes: Partial<PlanRequest> = {},
) => chooseRecompute(asked, device(freeGib * gib), { request: { ...request, ...changes }, plan });

test.each([
  [36.5, "none"],
  [36.4, "cheap"],
  [28.4, "mlp"],
  [20.4, "block"],
] as const)("with %d GiB free, auto is %s", async (free, policy) => {
  expect(await choose("auto", free)).toMatchObject({ policy, fits: true });
});

test("the reason tells what was chosen, its bytes, and what the faster one would have taken", async () => {
  expect((await choose("auto", 36.5)).reason).toBe(
    "recompute auto is none: 36.0 GiB of 36.5 GiB free on cuda:0",
  );
  expect((await choose("auto", 30)).reason).toBe(
    "recompute auto is cheap: 28.0 GiB of 30.0 GiB free on cuda:0; none needs 36.0 GiB",
  );
  expect((await choose("block", 80)).reason).toBe("recompute block: 8.0 GiB of 80.0 GiB free on cuda:0");
});

test("nothing fits: what would is told, the least change first", async () => {
  expect(await choose("none", 30)).toMatchObject({
    policy: "none",
    fits: false,
    reason:
      "training needs 36.0 GiB with recompute none, there are 30.0 GiB free on cuda:0 (512.0 MiB of it kept back); recompute cheap would fit",
  });
  expect((await choose("auto", 7)).reason).toMatch(
    /needs 8\.0 GiB with recompute block, .*; what would fit: batchSize 1, with recompute block$/,
  );
  expect((await choose("auto", 5.6)).reason).toMatch(
    /what would fit: batchSize 1 and cropSeconds 130, with recompute block$/,
  );
  expect((await choose("auto", 5.6, { batch: 1 })).reason).toMatch(
    /what would fit: cropSeconds 130, with recompute block$/,
  );
});

test("the crop proposed fits, and five seconds more would not", async () => {
  const fits = async (seconds: number) =>
    (await plan({ ...request, batch: 1, frames: seconds * 25, recompute: "block" })).totalBytes <=
    5.6 * gib - headroomBytes;
  expect([await fits(130), await fits(135)]).toEqual([true, false]);
});

test("where not even a short crop fits, the memory that is needed is told", async () => {
  expect((await choose("auto", 4)).reason).toMatch(
    /no crop would fit: the model's weights alone take 4\.0 GiB, the adapter .*; a device with at least 4\.5 GiB is needed$/,
  );
});
