import { rmSync } from "node:fs";
import { join } from "node:path";
import { AceError } from "@acewright/core-native";
import { expect, test } from "vitest";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import { readRunConfig } from "../../src/run/run-folder.js";
import { toyParts, toyRun } from "../toy.js";
import { abortWhen, bytesOf, events, ofType, parts, scratch, shortRun } from "../trained.js";

const validated = { validationEvery: 4, validationDraws: 1 };
const losses = (all: Awaited<ReturnType<typeof events>>) => ofType(all, "validation").map(({ loss }) => loss);

test.each([
  { kind: "lora", rank: 4 },
  { kind: "dora", rank: 4 },
  { kind: "lokr", rank: 4 },
  { kind: "loha", rank: 4 },
] as const)("training goes on where a $kind left off", async (adapter) => {
  const root = scratch();
  const first = await events(toyRun(join(root, "first"), { ...validated, adapter }), {}, toyParts());
  const config = toyRun(join(root, "second"), { ...validated, adapter, from: join(root, "first") });
  const second = await events(config, {}, toyParts());
  expect(losses(second)[0]).toBe(losses(first).at(-1));
  expect(readRunConfig(join(root, "second")).environment?.from).toMatch(/^[0-9a-f]{64}$/);
});

test("a resumed run does not miss the adapter it began with", async () => {
  const root = scratch();
  const changes = { saveEverySteps: 2, epochs: 4 };
  await events(shortRun(join(root, "origin"), changes));
  const config = (output: string) => shortRun(join(root, output), { ...changes, from: join(root, "origin") });
  await events(config("whole"));
  const abort = new AbortController();
  const on = parts({ duringStep: abortWhen(abort, (step) => step === 4) });
  await events(config("parts"), { signal: abort.signal }, on);
  rmSync(join(root, "origin"), { recursive: true });
  await events(config("parts"), { resume: true });
  expect(bytesOf(join(root, "parts", "final"))).toEqual(bytesOf(join(root, "whole", "final")));
});

test.each<[TrainConfigInput["adapter"], RegExp]>([
  [{ kind: "dora", rank: 4 }, /from: .*is another adapter.*kind lora -> dora; train with its settings/],
  [{ kind: "lora", rank: 8 }, /rank 4 -> 8 of layers\.0\.self_attn\.q_proj and \d+ more/],
  [{ kind: "lora", rank: 4, alpha: 4 }, /alpha 8 -> 4 of /],
  [{ kind: "lora", rank: 4, targetMlp: true }, /it lacks \d+ modules, the first is .*mlp/],
  [{ kind: "lora", rank: 4, attentionType: "self" }, /it has \d+ more modules, the first is .*cross_attn/],
])("an adapter that does not fit %o is refused with what differs", async (adapter, message) => {
  const root = scratch();
  await events(
    toyRun(join(root, "first"), { maxSteps: 1, adapter: { kind: "lora", rank: 4 } }),
    {},
    toyParts(),
  );
  const config = toyRun(join(root, "second"), { adapter, from: join(root, "first") });
  await expect(events(config, {}, toyParts())).rejects.toThrow(message);
});

test("a missing adapter to go on from is named", async () => {
  const config = shortRun(join(scratch(), "run"), { from: "nowhere" });
  await expect(events(config)).rejects.toThrow(/nowhere: does not exist/);
});

const full = (policy: string) => new AceError("ERR_OUT_OF_MEMORY", `arena of a ${policy} step: no room`);

test("a step that finds no memory is made again under the next policy, and nothing is lost", async () => {
  const root = scratch();
  const changes = { recompute: "none", epochs: 4, saveEverySteps: 2 } as const;
  await events(shortRun(join(root, "whole"), changes));
  const small = parts({
    failAt: (step, recompute) =>
      step >= 5 && (recompute === "none" || recompute === "cheap") ? full(recompute) : undefined,
  });
  const all = await events(shortRun(join(root, "small"), changes), {}, small);
  expect(ofType(all, "step").map(({ step }) => step)).toEqual(
    Array.from({ length: ofType(all, "step").length }, (_, i) => i + 1),
  );
  const warnings = ofType(all, "warning").map(({ message }) => message);
  expect(warnings).toHaveLength(2);
  expect(warnings[0]).toMatch(/step 6: arena of a none step: no room; recompute none -> cheap/);
  expect(warnings[1]).toMatch(/recompute cheap -> mlp/);
  expect(bytesOf(join(root, "small", "final"))).toEqual(bytesOf(join(root, "whole", "final")));
  expect(readRunConfig(join(root, "small")).recompute).toBe("mlp");
});

test("where no policy is thriftier the run ends with the device's own words", async () => {
  const on = parts({ failAt: (step, recompute) => (step === 3 ? full(recompute) : undefined) });
  await expect(
    events(shortRun(join(scratch(), "run"), { recompute: "mlp", epochs: 4 }), {}, on),
  ).rejects.toThrow(/step 4: arena of a block step: no room/);
});
