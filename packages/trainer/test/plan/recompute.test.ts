import type { DeviceInfo, MemoryPlan, PlanRequest } from "@acewright/core-native";
import { expect, test } from "vitest";
import { chooseRecompute } from "../../src/plan/recompute.js";
import { headroomBytes } from "../../src/plan/verdict.js";
import { memory } from "../quadratic-model.js";
import { keptBy } from "./kept-by.js";

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
const rankBytes = 2 ** 26;
const layers = 4;
const kept = keptBy({ none: 16, cheap: 12, mlp: 8, block: 2 }, layers);

/** 4 GiB of weights, activations in proportion to batch and frames, an optimizer in proportion to the rank above 8. */
const plan = ({ batch, frames: length, recompute, adapter, optimizer }: PlanRequest): Promise<MemoryPlan> => {
  const arenaBytes = (kept(recompute) * gib * batch * length) / frames;
  const optimizerBytes =
    Math.max(0, adapter.rank - 8) * rankBytes * (optimizer?.kind === "adamw8bit" ? 0.5 : 1);
  const totalBytes = 4 * gib + arenaBytes + optimizerBytes;
  return Promise.resolve({ ...memory, weightBytes: 4 * gib, arenaBytes, optimizerBytes, totalBytes });
};
const choose = (
  asked: PlanRequest["recompute"] | "auto",
  freeGib: number,
  changes: Partial<PlanRequest> = {},
) => chooseRecompute(asked, device(freeGib * gib), { layers, request: { ...request, ...changes }, plan });

test.each([
  [36.5, "none"], // 36.0 GiB, 0.5 of headroom; a layer more recomputed takes 2 less, of block 3
  [36.4, "cheap:1"],
  [35.49, "cheap:2"],
  [29.5, "cheap"],
  [28.5, "cheap"],
  [28.4, "mlp:1"],
  [26.9, "mlp:2"],
  [20.4, "block:1"],
  [17.4, "block:2"],
  [8.5, "block"],
] as const)("with %d GiB free, auto is %s", async (free, policy) => {
  expect(await choose("auto", free)).toMatchObject({ policy, fits: true });
});

test("auto recomputes a number of layers only where a gibibyte is left to others, and no more layers than that takes", async () => {
  for (let free = 8.5; free < 40; free += 0.25) {
    const { policy, verdict } = await choose("auto", free);
    const [kind, some] = policy.split(":");
    if (some === undefined) continue;
    expect(verdict, policy).toBe("green");
    const faster = some === "1" ? (kind === "cheap" ? "none" : kind === "mlp" ? "cheap" : "mlp") : undefined;
    const before = faster ?? (`${kind}:${Number(some) - 1}` as PlanRequest["recompute"]);
    expect((await choose(before, free)).verdict, `${before} instead of ${policy}`).not.toBe("green");
  }
});

test("no policy is planned twice", async () => {
  for (const free of [40, 36.4, 30, 28.6, 20.4, 8.5, 7]) {
    const planned: string[] = [];
    await chooseRecompute("auto", device(free * gib), {
      layers,
      request,
      plan: (asked) => {
        // What proposes another batch or crop plans those.
        if (asked.batch === request.batch && asked.frames === request.frames) planned.push(asked.recompute);
        return plan(asked);
      },
    });
    expect(new Set(planned).size, `${free} GiB: ${planned.join(" ")}`).toBe(planned.length);
  }
});

test("a number of layers that was asked for is kept, and what would do is the next rung that does", async () => {
  expect(await choose("mlp:2", 30)).toMatchObject({ policy: "mlp:2", fits: true, verdict: "green" });
  expect((await choose("cheap:3", 30)).cures).toEqual([{ recompute: "cheap", totalBytes: 28 * gib }]);
  expect((await choose("mlp:1", 24)).cures).toEqual([{ recompute: "mlp:3", totalBytes: 22 * gib }]);
  expect(await choose("mlp:9", 21.5)).toMatchObject({ policy: "mlp:9", verdict: "green" }); // of four layers: all
  expect((await choose("block:2", 8.5)).cures).toEqual([{ recompute: "block", totalBytes: 8 * gib }]);
  expect((await choose("block:9", 8)).cures).toMatchObject([{ recompute: "block", batchSize: 1 }]);
});

test("the reason tells what was chosen, its bytes, and what the faster one would have taken", async () => {
  expect((await choose("auto", 40)).reason).toBe(
    "recompute auto is none: 36.0 GiB of 40.0 GiB free on cuda:0",
  );
  expect((await choose("auto", 30)).reason).toBe(
    "recompute auto is cheap: 28.0 GiB of 30.0 GiB free on cuda:0; none needs 36.0 GiB",
  );
  expect((await choose("auto", 32)).reason).toBe(
    "recompute auto is cheap:3: 30.0 GiB of 32.0 GiB free on cuda:0; none needs 36.0 GiB",
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

test("a verdict is green with a gibibyte to spare, yellow without, red where it does not fit", async () => {
  const verdictAt = async (free: number, asked: "auto" | "cheap" = "cheap") =>
    (await choose(asked, free)).verdict;
  expect(await verdictAt(28 + 1.5)).toBe("green");
  expect(await verdictAt(28 + 1.49)).toBe("yellow");
  expect(await verdictAt(28 + 0.5)).toBe("yellow");
  expect(await verdictAt(28 + 0.49)).toBe("red");
  const tight = await choose("cheap", 29);
  expect(tight).toMatchObject({ fits: true, cures: [{ recompute: "mlp:1", totalBytes: 26 * gib }] });
  expect(tight.reason).toBe(
    "recompute cheap: 28.0 GiB of 29.0 GiB free on cuda:0; only 512.0 MiB are left should another program want some, recompute mlp:1 leaves more (26.0 GiB)",
  );
  const last = await choose("block", 8.6);
  expect(last).toMatchObject({ verdict: "yellow", cures: [] });
  expect(last.reason).toMatch(/should another program want some$/);
});

test("main memory: what is free is an estimate, so only a plan beyond the machine is red", async () => {
  const on = async (freeGib: number, gibInAll: number) =>
    await chooseRecompute(
      "block",
      { ...device(freeGib * gib), name: "cpu", memoryBytes: gibInAll * gib },
      { layers, request, plan },
    );
  expect(await on(8.5, 16)).toMatchObject({ verdict: "green", fits: true, cures: [] });
  expect(await on(8.4, 16)).toMatchObject({ verdict: "yellow", fits: false, cures: [{ batchSize: 1 }] });
  expect(await on(4, 7.9)).toMatchObject({ verdict: "red", fits: false });
});

test("the batch proposed is the largest that fits", async () => {
  const { cures } = await choose("auto", 10.5, { batch: 7 });
  expect(cures).toEqual([{ recompute: "block", batchSize: 3, totalBytes: 10 * gib }]);
});

test("one song at a time and still too much: bytes for moments, a lower rank, a crop, each of which would do", async () => {
  const adapter = { ...request.adapter, rank: 40 };
  const optimizer = { kind: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 } as const;
  const chosen = await choose("auto", 7.5, { adapter, optimizer });
  expect(chosen.cures).toMatchObject([
    { recompute: "block", batchSize: 1, optimizer: "adamw8bit" },
    { recompute: "block", batchSize: 1, rank: 20 },
    { recompute: "block", batchSize: 1, cropSeconds: 120 },
  ]);
  for (const { totalBytes } of chosen.cures) expect(totalBytes).toBeLessThanOrEqual(7 * gib);
  expect(chosen.reason).toMatch(
    /what would fit: batchSize 1 and optimizer adamw8bit, or batchSize 1 and rank 20, or batchSize 1 and cropSeconds 120, with recompute block$/,
  );
});

test("where not even a short crop fits, the memory that is needed is told", async () => {
  expect((await choose("auto", 4)).reason).toMatch(
    /no crop would fit: the model's weights alone take 4\.0 GiB, the adapter .*; a device with at least 4\.5 GiB is needed$/,
  );
});
