import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { memory } from "../quadratic-model.js";
import { toyParts, toyRun } from "../toy.js";
import { abortWhen, bytesOf, events, parts, scratch, shortRun } from "../trained.js";

test("no validation is asked with the noise of a training step", async () => {
  const asked = new Set<number>();
  const on = parts({ onQuestion: ({ step }) => asked.add(step) });
  await events(shortRun(join(scratch(), "run"), { validationEvery: 3 }), {}, on);
  // The same questions each time, under a number that no run's steps come to.
  expect(asked.size).toBe(1);
  for (const step of asked) expect(step).toBeGreaterThan(1e9);
});

test("a session is told how many of the songs may lie on the device, where not all fit", async () => {
  const mebibyte = 2 ** 20;
  const room = 3 * 2 ** 30;
  const told: (number | undefined)[] = [];
  const on = (datasetBytes: number) =>
    parts({
      device: { name: "cuda:0", freeBytes: room, memoryBytes: 2 * room },
      plan: () => ({ ...memory, datasetBytes, totalBytes: 100 * mebibyte + datasetBytes }),
      onSession: ({ residentBytes }) => told.push(residentBytes),
    });
  await events(shortRun(join(scratch(), "run")), {}, on(10 * mebibyte));
  await events(shortRun(join(scratch(), "run")), {}, on(8 * 2 ** 30));
  // Of 3 GiB: half a one kept back, one for other programs, 100 MiB for all else; two places for the longest song.
  const longest = 4 * (80 * 192 + 8 * (3 + 4));
  expect(told).toEqual([undefined, 1.5 * 2 ** 30 - 100 * mebibyte - 2 * longest]);
});

test("a checkpoint of other modules is not taken for this run's, changes allowed or not", async () => {
  const run = join(scratch(), "run");
  await events(toyRun(run, { maxSteps: 1, adapter: { kind: "lora", rank: 2, layers: "0" } }), {}, toyParts());
  const other = toyRun(run, { maxSteps: 2, adapter: { kind: "lora", rank: 2, layers: "1" } });
  await expect(events(other, { resume: true, allowChanges: true }, toyParts())).rejects.toThrow(
    /step-00000001: its adapter is another one \(missing: .*layers\.1\..*; unexpected: .*layers\.0\./,
  );
});

test("what a killed process left half-written is gone after a resume, and what it was replacing is back", async () => {
  const changes = { validationEvery: 2, saveEverySteps: 2 };
  const run = join(scratch(), "run");
  const abort = new AbortController();
  const on = parts({ duringStep: abortWhen(abort, (step) => step === 3) });
  await events(shortRun(run, changes), { signal: abort.signal }, on);
  for (const folder of [".tmp-best", "checkpoints/.tmp-step-00000006"]) {
    mkdirSync(join(run, folder));
    writeFileSync(join(run, folder, "half"), "");
  }
  const best = bytesOf(join(run, "best"));
  renameSync(join(run, "best"), join(run, ".old-best"));
  // No validation is better from here on, so that nothing else brings it back.
  await events(shortRun(run, changes), { resume: true }, parts({ answer: () => 9 }));
  expect(bytesOf(join(run, "best"))).toEqual(best);
  const hidden = [...readdirSync(run), ...readdirSync(join(run, "checkpoints"))].filter((name) =>
    name.startsWith("."),
  );
  expect(hidden).toEqual([]);
});
