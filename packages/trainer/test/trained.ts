import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { TrainConfigInput } from "../src/config/train-config.js";
import type { TrainEvent } from "../src/events.js";
import { nodeFiles } from "../src/run/files.js";
import type { TrainParts } from "../src/train/open-run.js";
import { trainWith, type TrainOptions } from "../src/train/train.js";
import { quadraticModel, testSongs, type Mischief } from "./quadratic-model.js";

const folders: string[] = [];

/** A folder that is gone after the test. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "acewright-trainer-"));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A short run on the quadratic model: 5 songs, 2 epochs of 3 steps. */
export const shortRun = (output: string, changes: Partial<TrainConfigInput> = {}): TrainConfigInput => ({
  tensors: "songs",
  model: "models/quadratic",
  output,
  learningRate: 0.01,
  epochs: 2,
  gradientAccumulation: 2,
  saveEveryEpochs: 1,
  ...changes,
});

export const parts = (mischief: Mischief = {}, changes: Partial<TrainParts> = {}): TrainParts => ({
  native: quadraticModel(mischief),
  openSamples: () => Promise.resolve(testSongs()),
  files: nodeFiles,
  openSongMaker: () => ({
    prepare: (songs) =>
      Promise.resolve({
        samples: songs.map(({ seed }) => ({
          request: {
            condition: new Float32Array(8),
            contextLatents: new Float32Array(256),
            seed,
            times: [1],
            method: "ode",
          },
          frames: 1,
        })),
        warnings: [],
      }),
    write: (latents, file) => {
      writeFileSync(file, latents);
      return Promise.resolve();
    },
  }),
  ...changes,
});

/** All events of a run. */
export async function events(
  config: TrainConfigInput,
  options: TrainOptions = {},
  on: TrainParts = parts(),
): Promise<TrainEvent[]> {
  const all: TrainEvent[] = [];
  for await (const event of trainWith(on, config, options)) all.push(event);
  return all;
}

export function ofType<T extends TrainEvent["type"]>(
  all: readonly TrainEvent[],
  type: T,
): Extract<TrainEvent, { type: T }>[] {
  return all.filter((event): event is Extract<TrainEvent, { type: T }> => event.type === type);
}

/** Names and hashes of a folder's files. */
export function bytesOf(folder: string): Record<string, string> {
  const hash = (name: string) =>
    createHash("sha256")
      .update(readFileSync(join(folder, name)))
      .digest("hex");
  return Object.fromEntries(readdirSync(folder).map((name) => [name, hash(name)]));
}

/** Something to be awaited that aborts when the condition holds. */
export const abortWhen =
  (abort: AbortController, condition: (step: number) => boolean) =>
  (step = 0): Promise<void> => {
    if (condition(step)) abort.abort();
    return Promise.resolve();
  };
