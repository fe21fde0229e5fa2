import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newestGradNorms } from "../../src/runs/grad-norms.js";
import { readRun } from "../../src/runs/list-runs.js";
import { toyParts, toyRun } from "../toy.js";
import { events, ofType, parts, scratch, shortRun } from "../trained.js";

test("every so many steps the norm of each module's gradient is told, and asked for in those steps alone", async () => {
  const run = join(scratch(), "run");
  const asked: (boolean | undefined)[] = [];
  const on = parts({ onStep: ({ moduleNorms }) => asked.push(moduleNorms) });
  const all = await events(shortRun(run, { logHeavyEvery: 2 }), {}, on);
  expect(asked).toEqual([false, true, false, true, false, true]);
  const told = ofType(all, "gradNorms");
  const norms = new Map(ofType(all, "step").map(({ step, gradNorm }) => [step, gradNorm]));
  expect(told).toEqual(
    [2, 4, 6].map((step) => ({
      type: "gradNorms",
      step,
      modules: { "layers.0.self_attn.q_proj": norms.get(step) },
    })),
  );
  expect(readRun(run).events.filter(({ type }) => type === "gradNorms")).toHaveLength(3);
  const [file = ""] = readdirSync(join(run, "tensorboard"));
  const board = readFileSync(join(run, "tensorboard", file), "latin1");
  expect(board.split("grad_norm/layers.0.self_attn.q_proj")).toHaveLength(4);

  const silent = await events(shortRun(join(scratch(), "run"), { logHeavyEvery: 0 }));
  expect(ofType(silent, "gradNorms")).toEqual([]);
});

test("a skipped step tells no norms, but which modules' gradients were not finite", async () => {
  const on = parts({ nanAt: (step) => step === 1 });
  const all = await events(shortRun(join(scratch(), "run"), { logHeavyEvery: 2 }), {}, on);
  expect(ofType(all, "gradNorms").map(({ step }) => step)).toEqual([4, 6]);
  const skipped = ofType(all, "step").find(({ step }) => step === 2);
  expect(skipped?.notFinite?.modules).toEqual(["layers.0.self_attn.q_proj"]);
});

test("on the toy the modules' norms are those of the step's whole gradient, and are summed by layer and projection", async () => {
  const run = join(scratch(), "run");
  const all = await events(toyRun(run, { maxSteps: 2, logHeavyEvery: 2 }), {}, toyParts());
  const [told] = ofType(all, "gradNorms");
  const norms = Object.values(told?.modules ?? {});
  expect(Object.keys(told?.modules ?? {})[0]).toBe("layers.0.self_attn.q_proj");
  expect(Math.hypot(...norms)).toBeCloseTo(ofType(all, "step")[1]?.gradNorm ?? 0, 6);
  const newest = newestGradNorms(readRun(run).events);
  expect(newest?.step).toBe(2);
  expect(newest?.projections.map(({ name }) => name)).toContain("cross_attn.v_proj");
  expect(newest?.projections).toHaveLength(8);
  for (const parts of [newest?.layers ?? [], newest?.projections ?? []])
    expect(Math.hypot(...parts.map(({ norm }) => norm))).toBeCloseTo(Math.hypot(...norms), 9);
});
