import {
  readFileSync,
  readdirSync,
  truncateSync,
  writeFileSync,
  existsSync,
  rmSync,
  appendFileSync,
} from "node:fs";
import { join } from "node:path";
import { AceError } from "@acewright/core-native";
import { expect, test } from "vitest";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import { readEventLog } from "../../src/run/event-log.js";
import { nodeFiles } from "../../src/run/files.js";
import { readRunConfig } from "../../src/run/run-folder.js";
import { testSongs } from "../quadratic-model.js";
import { abortWhen, bytesOf, events, ofType, parts, scratch, shortRun } from "../trained.js";

const config = (output: string, changes: Partial<TrainConfigInput> = {}) =>
  shortRun(output, {
    epochs: 4,
    batchSize: 3,
    datasetRepeats: 2,
    saveEveryEpochs: 100,
    cropFrames: 20,
    validationFraction: 0.2,
    validationEvery: 4,
    validationDraws: 2,
    saveEverySteps: 3,
    ...changes,
  });

/** Trains until the abort after `step`, then resumes to the end. */
async function inTwoParts(
  output: string,
  step: number,
  changes: Partial<TrainConfigInput> = {},
  between?: () => void,
) {
  const abort = new AbortController();
  const on = parts({
    duringStep: abortWhen(abort, (at) => at === step - 1),
  });
  await events(config(output, changes), { signal: abort.signal }, on);
  between?.();
  return events(config(output, changes), { resume: true });
}

const numbers = (run: string) =>
  ofType(readEventLog(nodeFiles, join(run, "events.jsonl")), "step").map(
    ({ step, loss, gradNorm, learningRate }) => [step, loss, gradNorm, learningRate],
  );

test.each([1, 2, 3, 4, 5, 6, 7])(
  "a run stopped after step %i and resumed equals one never stopped",
  async (step) => {
    const root = scratch();
    await events(config(join(root, "whole")));
    const resumed = await inTwoParts(join(root, "parts"), step);
    expect(resumed[0]).toMatchObject({
      type: "started",
      step,
      resumedFrom: join(root, "parts", "checkpoints", `step-0000000${step}`),
    });
    expect(bytesOf(join(root, "parts", "final"))).toEqual(bytesOf(join(root, "whole", "final")));
    expect(bytesOf(join(root, "parts", "best"))).toEqual(bytesOf(join(root, "whole", "best")));
    expect(numbers(join(root, "parts"))).toEqual(numbers(join(root, "whole")));
    const validations = (run: string) =>
      ofType(readEventLog(nodeFiles, join(root, run, "events.jsonl")), "validation").map(
        ({ step: at, loss, best }) => [at, loss, best],
      );
    expect(validations("parts")).toEqual(validations("whole"));
  },
);

test("a stop in the middle of a validation asks it again after the resume", async () => {
  const root = scratch();
  await events(config(join(root, "whole")));
  const abort = new AbortController();
  let asked = 0;
  const on = parts({ evaluateDelay: abortWhen(abort, () => ++asked === 3) });
  const stopped = await events(config(join(root, "parts")), { signal: abort.signal }, on);
  expect(stopped.at(-1)).toMatchObject({ type: "interrupted", step: 4 });
  await events(config(join(root, "parts")), { resume: true });
  expect(bytesOf(join(root, "parts", "best"))).toEqual(bytesOf(join(root, "whole", "best")));
});

test("steps written after the checkpoint by a process that died appear once", async () => {
  const root = scratch();
  const dying = parts({ failAt: (step) => (step === 5 ? new Error("killed") : undefined) });
  await expect(events(config(join(root, "run")), {}, dying)).rejects.toThrow("killed");
  appendFileSync(join(root, "run", "events.jsonl"), '{"time":"2026-01-01T00:00:00.000Z","type":"st');
  await events(config(join(root, "run")), { resume: true });
  const steps = numbers(join(root, "run")).map(([step]) => step);
  expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test("a damaged newest checkpoint is set aside with a warning and the one before is used", async () => {
  const root = scratch();
  await events(config(join(root, "whole")));
  const run = join(root, "run");
  const dying = parts({ failAt: (step) => (step === 7 ? new Error("killed") : undefined) });
  await expect(events(config(run), {}, dying)).rejects.toThrow("killed");
  truncateSync(join(run, "checkpoints", "step-00000006", "state.safetensors"), 100);
  const resumed = await events(config(run), { resume: true });
  expect(resumed[0]).toMatchObject({ type: "started", step: 3 });
  expect(ofType(resumed, "warning")[0]?.message).toMatch(
    /step-00000006\/state\.safetensors: has 100 bytes, \d+ were written; that checkpoint is set aside/,
  );
  expect(bytesOf(join(run, "final"))).toEqual(bytesOf(join(root, "whole", "final")));
});

test.each([
  [
    "a flipped bit",
    (file: string) => {
      writeFileSync(
        file,
        readFileSync(file).map((b, i) => (i === 900 ? b ^ 1 : b)),
      );
    },
    /has changed since it was written/,
  ],
  [
    "a missing file",
    (file: string) => {
      rmSync(file);
    },
    /is missing/,
  ],
])("%s in an adapter's file is noticed", async (_what, harm, message) => {
  const run = join(scratch(), "run");
  const dying = parts({ failAt: (step) => (step === 7 ? new Error("killed") : undefined) });
  await expect(events(config(run), {}, dying)).rejects.toThrow("killed");
  harm(join(run, "checkpoints", "step-00000006", "adapter_model.safetensors"));
  const resumed = await events(config(run), { resume: true });
  expect(ofType(resumed, "warning")[0]?.message).toMatch(message);
});

test("resuming with other settings is refused with what differs", async () => {
  const run = join(scratch(), "run");
  await inTwoParts(run, 3);
  await expect(
    events(config(run, { learningRate: 0.5, optimizer: { weightDecay: 0 } }), { resume: true }),
  ).rejects.toThrow(
    /cannot resume with other settings \(learningRate: 0\.01 -> 0\.5; optimizer\.weightDecay: 0\.01 -> 0\)/,
  );
  const otherSongs = parts(
    {},
    { openSamples: () => Promise.resolve(testSongs(undefined, { hash: "e".repeat(64) })) },
  );
  await expect(events(config(run), { resume: true }, otherSongs)).rejects.toThrow(
    /environment\.dataset: "dddd/,
  );
});

test("settings that change no number may differ, and others may be allowed", async () => {
  const run = join(scratch(), "run");
  await inTwoParts(run, 3);
  const settings = { threads: 2, keepCheckpoints: 1, logEvery: 2, saveEverySteps: 100 };
  expect((await events(config(run, settings), { resume: true })).at(-1)?.type).toBe("finished");
  const longer = { epochs: 6, learningRate: 0.02 };
  const allowed = await events(config(run, longer), { resume: true, allowChanges: true });
  expect(ofType(allowed, "warning")[0]?.message).toBe(
    "resumed with other settings than before: learningRate: 0.01 -> 0.02; epochs: 4 -> 6",
  );
  expect(ofType(allowed, "step").map(({ step }) => step)).toEqual([9, 10, 11, 12]);
});

test.each([
  ["epochs", { epochs: 4 }, { epochs: 6 }],
  [
    "steps, from the middle of an epoch",
    { epochs: 6, maxSteps: 7, validationEvery: 7 },
    { epochs: 6, validationEvery: 7 },
  ],
  [
    "epochs, warmed up alike",
    { epochs: 20, maxSteps: 24, warmupSteps: 2 },
    { epochs: 40, maxSteps: 28, warmupSteps: 2 },
  ],
] as const)(
  "a run given more %s when it had finished equals one given as many at once",
  async (_what, few, many) => {
    const root = scratch();
    const own = { schedule: "constant", warmupSteps: 0, emaDecay: 0.9 } as const;
    await events(config(join(root, "whole"), { ...own, ...many }));
    await events(config(join(root, "parts"), { ...own, ...few }));
    const more = await events(config(join(root, "parts"), { ...own, ...many }), { resume: true });
    expect(ofType(more, "warning")).toEqual([]);
    expect(numbers(join(root, "parts"))).toEqual(numbers(join(root, "whole")));
    for (const adapter of ["final", "best"])
      expect(bytesOf(join(root, "parts", adapter))).toEqual(bytesOf(join(root, "whole", adapter)));
  },
);

test.each([
  [
    { schedule: "cosine" },
    { epochs: 6 },
    /epochs: 4 -> 6; its learning rates were those of a cosine schedule over 8 steps, not 12\)/,
  ],
  [{ schedule: "constant", warmupSteps: 1000 }, { epochs: 20 }, /constant schedule over 8 steps, not 40/],
  [
    { schedule: "constant", validationEvery: 3 },
    { epochs: 6 },
    /the validation at its former end, step 8, would be out of turn/,
  ],
  [{ schedule: "constant" }, { epochs: 2 }, /epochs: 4 -> 2; it may be past step 4 already/],
] as const)(
  "another length is refused where the run would have been another: %j, %j",
  async (settings, length, message) => {
    const run = join(scratch(), "run");
    await events(config(run, settings));
    await expect(events(config(run, { ...settings, ...length }), { resume: true })).rejects.toThrow(message);
  },
);

test("resuming a finished run ends at once with the same adapter", async () => {
  const run = join(scratch(), "run");
  await events(config(run));
  const before = bytesOf(join(run, "final"));
  const again = await events(config(run), { resume: true });
  expect(again.map(({ type }) => type)).toEqual(["started", "finished"]);
  expect(bytesOf(join(run, "final"))).toEqual(before);
});

test("only the newest checkpoints are kept, and the best adapter stays", async () => {
  const run = join(scratch(), "run");
  await events(config(run, { saveEverySteps: 1, keepCheckpoints: 2 }));
  expect(readdirSync(join(run, "checkpoints")).sort()).toEqual(["step-00000007", "step-00000008"]);
  expect(existsSync(join(run, "best", "adapter_model.safetensors"))).toBe(true);
});

test("the state says where the run stands", async () => {
  const run = join(scratch(), "run");
  await inTwoParts(run, 5, { keepCheckpoints: 0 });
  const header = readFileSync(join(run, "checkpoints", "step-00000005", "state.safetensors")).toString(
    "latin1",
  );
  const progress = /"progress":"(.*?)(?<!\\)"/.exec(header)?.[1]?.replaceAll("\\", "") ?? "";
  expect(JSON.parse(progress)).toMatchObject({
    step: 5,
    seed: 42,
    epoch: 2,
    microBatch: 2,
    skippedInARow: 0,
  });
});

test("songs to listen to are made on their steps, once each, with the adapter of that step", async () => {
  const root = scratch();
  const sampling = { sampleEvery: 2, saveEverySteps: 2 };
  const whole = await events(config(join(root, "whole"), sampling));
  expect(ofType(whole, "sample").map(({ step }) => step)).toEqual([0, 2, 4, 6, 8]);
  const resumed = await inTwoParts(join(root, "parts"), 4, sampling);
  // The stop came before the song of step 4, so that one is made after the resume.
  expect(ofType(resumed, "sample").map(({ step }) => step)).toEqual([4, 6, 8]);
  const log = readEventLog(nodeFiles, join(root, "parts", "events.jsonl"));
  expect(ofType(log, "sample").map(({ step }) => step)).toEqual([0, 2, 4, 6, 8]);
  const songs = bytesOf(join(root, "whole", "samples"));
  expect(bytesOf(join(root, "parts", "samples"))).toEqual(songs);
  expect(new Set(Object.values(songs)).size).toBe(5);
});

test("all songs of a prompts file are made at each look, the same after a resume though the file has changed", async () => {
  const root = scratch();
  const file = join(root, "prompts.txt");
  writeFileSync(file, 'slow bells\n{"caption": "drums", "seed": 7}\n');
  const sampling = { sampleEvery: 4, saveEverySteps: 4, samplePrompts: file, sampleAudio: "flac" as const };
  const whole = await events(config(join(root, "whole"), sampling));
  expect(
    ofType(whole, "sample").map(({ step, prompt }) => `${step} ${prompt?.number} ${prompt?.caption}`),
  ).toEqual([0, 4, 8].flatMap((step) => [`${step} 1 slow bells`, `${step} 2 drums`]));
  const run = join(root, "parts");
  await inTwoParts(run, 4, sampling, () => {
    writeFileSync(file, "something else\n");
  });
  expect(bytesOf(join(run, "samples"))).toEqual(bytesOf(join(root, "whole", "samples")));
  expect(readdirSync(join(run, "samples")).sort()).toEqual([
    "prompts.json",
    ...[0, 4, 8].flatMap((step) => [
      `step-0000000${step}-01-slow-bells.flac`,
      `step-0000000${step}-02-drums.flac`,
    ]),
  ]);
});

test("a prompts file with an error is refused by its line before anything is written", async () => {
  const root = scratch();
  const file = join(root, "prompts.txt");
  writeFileSync(file, '{"caption": "a", "steps": 0}\n');
  const run = join(root, "run");
  await expect(events(config(run, { sampleEvery: 4, samplePrompts: file }))).rejects.toThrow(
    /prompts.txt, line 1: steps: expected/,
  );
  expect(existsSync(run)).toBe(false);
});

test("the algorithms of the products are kept in config.json, and taken by a resume and a rerun", async () => {
  const run = join(scratch(), "run");
  const record = "cuBLASLt 13.0.2\nm 32, n 48, k 64 -> algorithm 21\n";
  await events(config(run), {}, parts({ algorithms: () => record }));
  const stored = readRunConfig(run);
  expect(stored.environment?.algorithms).toBe(record);

  const taken: string[] = [];
  const remember = { algorithms: () => record, onAlgorithms: (text: string) => taken.push(text) };
  await events(config(run), { resume: true }, parts(remember));
  await events({ ...stored, output: join(scratch(), "again") }, {}, parts(remember));
  expect(taken).toEqual([record, record]);
  expect(readRunConfig(run).environment?.algorithms).toBe(record);
});

test("products are tuned on a GPU where it is asked for, and told apart by what is asked", async () => {
  const told: string[] = [];
  const on = (name: "cpu" | "cuda:0") =>
    parts({ device: { name }, onTune: (tune) => told.push(`${name} ${String(tune)}`) });
  const run = join(scratch(), "run");
  await events({ ...config(run), tuneProducts: true }, {}, on("cuda:0"));
  await events({ ...config(join(scratch(), "run")) }, {}, on("cuda:0"));
  const idle = ofType(
    await events({ ...config(join(scratch(), "run")), tuneProducts: true }, {}, on("cpu")),
    "warning",
  );
  expect(told).toEqual(["cuda:0 true", "cuda:0 false"]);
  expect(idle.map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^tuneProducts does nothing/),
  );
  expect(readRunConfig(run).tuneProducts).toBe(true);
});

test("a device that cannot take the recorded algorithms is refused, or told of where changes are allowed", async () => {
  const run = join(scratch(), "run");
  await events(config(run), {}, parts({ algorithms: () => "cuBLASLt 12.9\n" }));
  const refusing = parts({
    onAlgorithms: () => {
      throw new AceError("ERR_CONFIG", "the recorded algorithms are of cuBLASLt 12.9, this is cuBLASLt 13.0");
    },
  });
  await expect(events(config(run), { resume: true }, refusing)).rejects.toThrow(
    /of cuBLASLt 12\.9, this is cuBLASLt 13\.0; go on where that is as it was, or allow changes/,
  );
  const allowed = await events(config(run), { resume: true, allowChanges: true }, refusing);
  expect(ofType(allowed, "warning")[0]?.message).toMatch(/12\.9.*computed by today's choice/);
});

test("songs stand in an epoch as often as their dataset says, also across a stop", async () => {
  const root = scratch();
  const songs = testSongs();
  const repeats = [1, 4, 1, 2, 1];
  const weighted = { ...songs, songs: songs.songs.map((song, i) => ({ ...song, repeats: repeats[i] ?? 1 })) };
  const openSamples = () => Promise.resolve(weighted);
  const changes = { batchSize: 1, datasetRepeats: 1, validationFraction: 0, validationEvery: 0, epochs: 2 };
  const abort = new AbortController();
  const first = parts({ duringStep: abortWhen(abort, (at) => at === 3) }, { openSamples });
  const settings = { ...changes, gradientAccumulation: 2, saveEverySteps: 3 };
  const all = await events(config(join(root, "parts"), settings), { signal: abort.signal }, first);
  expect(ofType(all, "started")[0]?.plan).toMatchObject({ batchesPerEpoch: 9, stepsPerEpoch: 5, steps: 10 });
  await events(config(join(root, "parts"), settings), { resume: true }, parts({}, { openSamples }));
  await events(config(join(root, "whole"), settings), {}, parts({}, { openSamples }));
  expect(bytesOf(join(root, "parts", "final"))).toEqual(bytesOf(join(root, "whole", "final")));
  expect(numbers(join(root, "parts"))).toEqual(numbers(join(root, "whole")));
  expect(numbers(join(root, "parts"))).toHaveLength(10);
});

test("a checkpoint, or the folder of all, named for its run is told which run it is of", async () => {
  const root = scratch();
  const run = join(root, "run");
  await events(config(run));
  for (const named of [join(run, "checkpoints"), join(run, "checkpoints", "step-00000003"), root])
    expect(() => readRunConfig(named)).toThrow(new RegExp(`holds no run .*; the run is ${run}$`));
  expect(() => readRunConfig(join(root, "far", "away", "from"))).toThrow(/is missing\)$/);
});
