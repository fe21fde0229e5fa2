import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AceError, readSafetensors } from "@acewright/core-native";
import { expect, test } from "vitest";
import { learningRateCourse } from "../../src/plan/learning-rate.js";
import { nodeFiles } from "../../src/run/files.js";
import { readRunConfig } from "../../src/run/run-folder.js";
import { trainWith } from "../../src/train/train.js";
import { testSongs } from "../quadratic-model.js";
import { abortWhen, bytesOf, events, ofType, parts, scratch, shortRun } from "../trained.js";

test("a run tells its plan, each step, its checkpoints and its end", async () => {
  const output = join(scratch(), "run");
  const all = await events(shortRun(output));
  expect(all[0]).toMatchObject({
    type: "started",
    step: 0,
    plan: { trainingSongs: 5, batchesPerEpoch: 5, stepsPerEpoch: 3, steps: 6, epochs: 2, parameters: 32 },
    config: { timestepMu: -0.4, timestepSigma: 1, device: "cpu", adapter: { rank: 64, alpha: 128 } },
  });
  expect(ofType(all, "step").map(({ step, epoch }) => [step, epoch])).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
    [6, 2],
  ]);
  expect(ofType(all, "checkpoint").map(({ step }) => step)).toEqual([3, 6]);
  expect(all.at(-1)).toMatchObject({
    type: "finished",
    step: 6,
    folder: join(output, "final"),
    skippedSteps: 0,
  });
  expect(readdirSync(join(output, "final")).sort()).toEqual([
    "adapter_config.json",
    "adapter_model.safetensors",
  ]);
});

test("the loss falls, and the adapter that is saved is the one that was trained", async () => {
  const output = join(scratch(), "run");
  const config = shortRun(output, { epochs: 180, saveEveryEpochs: 90, validationEvery: 60, warmupSteps: 5 });
  const all = await events(config, {}, parts({}, { openSamples: () => Promise.resolve(testSongs([40])) }));
  const [before, ...later] = ofType(all, "validation");
  expect(later.at(-1)?.loss).toBeLessThan(0.5 * (before?.loss ?? 0));
  const { metadata } = readSafetensors(join(output, "final", "adapter_model.safetensors"));
  expect(metadata).toMatchObject({
    base_model: "quadratic",
    base_model_fingerprint: "f".repeat(64),
    dataset_hash: "d".repeat(64),
    step: "180",
  });
});

test("the adapter's file tells its settings but no way to a folder", async () => {
  const output = join(scratch(), "run");
  await events(
    shortRun(output, {
      trigger: "bells",
      model: "/home/me/models/quadratic",
      tensors: "/data/songs",
      regularization: "/data/other",
    }),
  );
  const { metadata } = readSafetensors(join(output, "final", "adapter_model.safetensors"));
  expect(metadata["trigger"]).toBe("bells");
  const run = JSON.parse(metadata["run_metadata"] ?? "") as Record<string, unknown>;
  expect(run).toMatchObject({ tensor_dir: "songs", num_samples: 5, training_config: { learningRate: 0.01 } });
  expect(JSON.stringify(metadata)).not.toMatch(/home|data\/|acewright-trainer/);
});

test("the last step of an epoch holds what is left, and nothing is lost or carried over", async () => {
  const asked: number[][] = [];
  const onStep = (input: { microBatches: readonly (readonly { sample: number }[])[] }) =>
    asked.push(input.microBatches.flat().map(({ sample }) => sample));
  await events(shortRun(join(scratch(), "run")), {}, parts({ onStep }));
  expect(asked.map((songs) => songs.length)).toEqual([2, 2, 1, 2, 2, 1]);
  expect(asked.slice(0, 3).flat().sort()).toEqual([0, 1, 2, 3, 4]);
  expect(asked.slice(3).flat().sort()).toEqual([0, 1, 2, 3, 4]);
});

test("learning rates given to the core follow the schedule", async () => {
  const rates: number[] = [];
  const config = shortRun(join(scratch(), "run"), { maxSteps: 5 });
  await events(config, {}, parts({ onStep: ({ learningRate }) => rates.push(learningRate) }));
  const settings = {
    learningRate: 0.01,
    schedule: "cosine",
    scheduleRestarts: 4,
    schedulePower: 2,
    warmupSteps: 100,
    warmupStartFactor: 0.1,
    minLrRatio: 0.01,
  } as const;
  const course = learningRateCourse(settings, { steps: 5, stepsPerEpoch: 3 });
  expect(rates).toEqual([0, 1, 2, 3, 4].map(course));
});

test("rerunning a run's config.json repeats it bit for bit", async () => {
  const root = scratch();
  await events(shortRun(join(root, "a"), { cropFrames: 20, batchSize: 2, seed: 7 }));
  await events({ ...readRunConfig(join(root, "a")), output: join(root, "b") });
  expect(bytesOf(join(root, "b", "final"))).toEqual(bytesOf(join(root, "a", "final")));
});

test("config.json asks for the same model: another is refused with the difference", async () => {
  const root = scratch();
  await events(shortRun(join(root, "a")));
  const config = readRunConfig(join(root, "a"));
  const environment = { ...config.environment, model: "0".repeat(64) } as typeof config.environment;
  await expect(events({ ...config, output: join(root, "b"), environment })).rejects.toThrow(
    /environment differs .*model: 0000.*remove "environment"/,
  );
  expect(existsSync(join(root, "b"))).toBe(false);
});

test("another seed gives another adapter", async () => {
  const root = scratch();
  await events(shortRun(join(root, "a"), { seed: 1 }));
  await events(shortRun(join(root, "b"), { seed: 2 }));
  expect(bytesOf(join(root, "b", "final"))).not.toEqual(bytesOf(join(root, "a", "final")));
});

test("break stops the run and saves it before the loop is left", async () => {
  const output = join(scratch(), "run");
  const slow = parts({ duringStep: () => sleep(5) });
  for await (const event of trainWith(slow, shortRun(output, { epochs: 1000 }))) {
    if (event.type === "step" && event.step === 4) break;
  }
  const steps = readdirSync(join(output, "checkpoints"));
  expect(steps.at(-1)).toMatch(/^step-0000000[4-9]$/);
  expect(existsSync(join(output, "run.lock"))).toBe(false);
  expect(readFileSync(join(output, "events.jsonl"), "utf8").trim().split("\n").at(-1)).toContain(
    '"interrupted"',
  );
});

test("an abort saves and ends with interrupted", async () => {
  const output = join(scratch(), "run");
  const abort = new AbortController();
  const on = parts({ duringStep: abortWhen(abort, (step) => step === 4) });
  const all = await events(
    shortRun(output, { epochs: 100, saveEveryEpochs: 50 }),
    { signal: abort.signal },
    on,
  );
  expect(all.at(-1)).toEqual({
    type: "interrupted",
    step: 5,
    checkpoint: join(output, "checkpoints", "step-00000005"),
  });
  expect(all.at(-2)?.type).toBe("checkpoint");
});

test("a run aborted before it began saves nothing and says so", async () => {
  const output = join(scratch(), "run");
  const all = await events(shortRun(output), { signal: AbortSignal.abort() });
  expect(all.map(({ type }) => type)).toEqual(["started", "interrupted"]);
  expect(all.at(-1)).toEqual({ type: "interrupted", step: 0 });
});

test("a second abort ends at once, though a step hangs", async () => {
  const output = join(scratch(), "run");
  const [first, second] = [new AbortController(), new AbortController()];
  let release: () => void = () => undefined;
  const hang = new Promise<void>((resolve) => (release = resolve));
  const stopInStep = () => {
    first.abort();
    setTimeout(() => {
      second.abort();
    }, 20);
    return hang;
  };
  const on = parts({ duringStep: (step) => (step === 3 ? stopInStep() : Promise.resolve()) });
  const running = events(
    shortRun(output, { saveEverySteps: 2 }),
    { signal: first.signal, stopNow: second.signal },
    on,
  );
  const all = await running;
  expect(all.at(-1)).toEqual({
    type: "interrupted",
    step: 3,
    checkpoint: join(output, "checkpoints", "step-00000003"),
  });
  expect(existsSync(join(output, "run.lock"))).toBe(false);
  release();
});

test("a reader that never comes back does not hold up training", async () => {
  const output = join(scratch(), "run");
  const iterator = trainWith(parts(), shortRun(output, { epochs: 300, saveEveryEpochs: 100 }));
  await iterator.next();
  while (!existsSync(join(output, "final"))) await sleep(5);
  await sleep(20);
  const rest = [];
  for await (const event of iterator) rest.push(event);
  expect(ofType(rest, "step").length).toBeLessThanOrEqual(256);
  expect(ofType(rest, "step").at(-1)?.step).toBe(900);
  expect(ofType(rest, "checkpoint").map(({ step }) => step)).toEqual([300, 600, 900]);
  expect(rest.at(-1)?.type).toBe("finished");
});

test("NaN steps are skipped, counted and named, and the run goes on", async () => {
  const all = await events(
    shortRun(join(scratch(), "run")),
    {},
    parts({ nanAt: (step) => step === 1 || step === 4 }),
  );
  expect(
    ofType(all, "step")
      .filter(({ skipped }) => skipped)
      .map(({ step }) => step),
  ).toEqual([2, 5]);
  expect(ofType(all, "warning").map(({ message }) => message)).toEqual([
    expect.stringMatching(
      /^step 2: the loss of song-\d \(timestep 0\.5000\), song-\d \(timestep 0\.5000\) is not a finite number; nothing was updated$/,
    ),
    expect.stringMatching(/^step 5: /),
  ]);
  expect(all.at(-1)).toMatchObject({ type: "finished", skippedSteps: 2 });
});

test("what fails on the device is told with the step", async () => {
  const fault = "CUDA: matmul [375, 2048]: an illegal memory access was encountered";
  const failAt = (step: number) => (step === 2 ? new AceError("ERR_DEVICE", fault) : undefined);
  const run = events(shortRun(join(scratch(), "run")), {}, parts({ failAt }));
  await expect(run).rejects.toMatchObject({ code: "ERR_DEVICE", message: `step 3: ${fault}` });
});

test("ten NaN steps in a row stop the run with a saved checkpoint", async () => {
  const output = join(scratch(), "run");
  const config = shortRun(output, { epochs: 50, saveEveryEpochs: 50 });
  await expect(events(config, {}, parts({ nanAt: (step) => step >= 7 }))).rejects.toThrow(
    /10 steps in a row \(up to step 17\) .*lower learningRate \(0.01\).*step-00000017/,
  );
  expect(readdirSync(join(output, "checkpoints"))).toEqual(["step-00000017"]);
  const { tensors } = readSafetensors(
    join(output, "checkpoints", "step-00000017", "adapter_model.safetensors"),
  );
  expect(Object.keys(tensors)).toHaveLength(2);
});

test("a run in which no step counted is an error, not a finished adapter", async () => {
  const output = join(scratch(), "run");
  await expect(events(shortRun(output), {}, parts({ nanAt: () => true }))).rejects.toThrow(
    /not one of 6 steps changed the adapter/,
  );
  expect(existsSync(join(output, "final"))).toBe(false);
});

test("an adapter without effect is reported", async () => {
  // With this learning rate B moves by less than float32 can hold.
  const all = await events(shortRun(join(scratch(), "run"), { learningRate: 1e-46 }));
  expect(ofType(all, "warning").map(({ message }) => message)).toEqual([
    "the trained adapter changes no weight of the model: it will have no effect",
  ]);
  expect(all.at(-1)).toMatchObject({ type: "finished", effect: 0 });
});

test("an error of the core reaches the reader and frees the run", async () => {
  const output = join(scratch(), "run");
  const on = parts({ failAt: (step) => (step === 2 ? new Error("device lost") : undefined) });
  await expect(events(shortRun(output), {}, on)).rejects.toThrow("device lost");
  expect(existsSync(join(output, "run.lock"))).toBe(false);
});

test("a folder that holds a run is not begun over, nor one with other files", async () => {
  const root = scratch();
  await events(shortRun(join(root, "run")));
  await expect(events(shortRun(join(root, "run")))).rejects.toThrow(/already holds a run; resume it/);
  writeFileSync(join(root, "notes.txt"), "mine");
  await expect(events(shortRun(root))).rejects.toThrow(/is not empty and no run/);
  await expect(events(shortRun(join(root, "none")), { resume: true })).rejects.toThrow(
    /holds no run to resume/,
  );
});

test("a song that cannot be read is refused before anything is written", async () => {
  const output = join(scratch(), "run");
  const songs = await parts().openSamples("");
  const read = () => Promise.reject(new Error("song-0: its checksum is not the one in manifest.json"));
  const on = parts({}, { openSamples: () => Promise.resolve({ ...songs, read }) });
  await expect(events(shortRun(output), {}, on)).rejects.toThrow(/checksum/);
  expect(existsSync(output)).toBe(false);
});

test("songs preprocessed with another checkpoint are refused unless they are wanted", async () => {
  const songs = await parts().openSamples("");
  const run = join(scratch(), "run");
  const made = (fingerprint: string) =>
    parts({}, { openSamples: () => Promise.resolve({ ...songs, madeWith: { name: "base", fingerprint } }) });
  const other = made("0".repeat(64));
  await expect(events(shortRun(run), {}, other)).rejects.toThrow(
    /^songs: the songs were preprocessed with base, another checkpoint than models\/quadratic; preprocess them again/,
  );
  expect(existsSync(run)).toBe(false);
  const [wanted] = ofType(await events(shortRun(run, { foreignTensors: true }), {}, other), "warning");
  expect(wanted?.message).toMatch(/^songs: the songs were preprocessed with base/);
  const [imported] = ofType(await events(shortRun(join(scratch(), "run")), {}, made("")), "warning");
  expect(imported?.message).toMatch(/^songs: the songs were imported, and nobody wrote down/);
});

test("a disk that will not hold the checkpoints is warned of before the first step", async () => {
  const statfsSync = () => ({ bavail: 1, bsize: 512 }) as ReturnType<typeof nodeFiles.statfsSync>;
  const files = { ...nodeFiles, statfsSync: statfsSync as typeof nodeFiles.statfsSync };
  const all = await events(shortRun(join(scratch(), "run")), {}, parts({}, { files }));
  expect(all[1]).toMatchObject({ type: "warning", step: 0 });
  expect(ofType(all, "warning")[0]?.message).toMatch(
    /run: the disk has 1 MB free, .* will take 1 MB; free some space/,
  );
});

test("a second process is refused while the first trains, and nothing of the first is touched", async () => {
  const run = join(scratch(), "run");
  for await (const event of trainWith(parts(), shortRun(run))) {
    if (event.type !== "started") continue;
    await expect(events(shortRun(run), { resume: true })).rejects.toThrow(/is training into this run/);
  }
  expect(existsSync(join(run, "final"))).toBe(true);
});

test("tensors made for a model of another width are refused before anything is written", async () => {
  const output = join(scratch(), "run");
  const songs = parts().openSamples("");
  const on = parts({}, { openSamples: async () => ({ ...(await songs), encoderHiddenSize: 2048 }) });
  await expect(events(shortRun(output), {}, on)).rejects.toThrow(
    /songs: encoder_hidden_states are 2048 wide, the model models\/quadratic expects 8; preprocess/,
  );
  expect(existsSync(output)).toBe(false);
});

test("the last step's time left is that of the validation after it", async () => {
  const lastEta = async (validationEvery: number) => {
    const run = shortRun(join(scratch(), "run"), { validationEvery });
    return ofType(await events(run), "step").at(-1)?.etaS;
  };
  expect(await lastEta(0)).toBe(0);
  expect(await lastEta(1000)).toBeGreaterThan(0);
});
