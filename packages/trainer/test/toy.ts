import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readModelConfig, readSafetensors, toFloat32 } from "@acewright/core-native";
import type { TrainConfigInput } from "../src/config/train-config.js";
import { native } from "../src/native.js";
import { nodeFiles } from "../src/run/files.js";
import type { SampleSource } from "../src/sample-source.js";
import { openSongMaker } from "../src/song-maker.js";
import type { TrainParts } from "../src/train/open-run.js";

const root = fileURLToPath(new URL("../../../tools/reference/toy", import.meta.url));
export const toyCheckpoints = join(root, "checkpoints");
export const toyModel = join(toyCheckpoints, "acestep-v15-toy");
export const toySongs = join(root, "adapt");

/** The words of a song, and the same without caption, without lyrics, without either. */
const wordings = [
  { caption: 0, lyrics: true },
  { caption: null, lyrics: true },
  { caption: 0, lyrics: false },
  { caption: null, lyrics: false },
] as const;

/**
 * The three clips of the toy's reference runs, as tensors: what preprocessing gives, without its minutes. Where a field is
 * left empty, the words are fewer.
 */
export function toySamples(): SampleSource {
  const file = join(root, "expected.safetensors");
  if (!existsSync(file)) throw new Error(`${file} is missing`);
  const indices = [0, 1, 2];
  const names = indices.flatMap((i) => [`x0.${i}`, `cond.${i}`]);
  const { tensors } = readSafetensors(file, [...names, "context"]);
  const read = (name: string) => {
    const tensor = tensors[name];
    if (tensor === undefined) throw new Error(`${file} lacks ${name}`);
    return { values: toFloat32(tensor), shape: tensor.shape };
  };
  const width = 160;
  const worded = (i: number) => {
    const { values, shape } = read(`cond.${i}`);
    const tokens = wordings.map((_, fewer) => (shape[0] ?? 0) - 3 * fewer);
    return { tokens, conditions: tokens.map((count) => values.slice(0, count * width)) };
  };
  return {
    hash: "0".repeat(64),
    encoderHiddenSize: width,
    trigger: "",
    madeWith: { name: "acestep-v15-toy", fingerprint: readModelConfig(toyModel).fingerprint },
    songs: indices.map((i) => ({
      id: `bells-${i}`,
      frames: read(`x0.${i}`).shape[0] ?? 0,
      conditionTokens: worded(i).tokens,
      wordings,
    })),
    read: (i) =>
      Promise.resolve({
        latents: read(`x0.${i}`).values,
        conditions: worded(i).conditions,
        contextLatents: read("context").values,
      }),
  };
}

/** The toy's clips cut to lengths of their own. */
export function unlikeToySamples(): SampleSource {
  const whole = toySamples();
  const frames = [30, 71, 110];
  return {
    ...whole,
    songs: whole.songs.map((song, i) => ({ ...song, frames: frames[i] as number })),
    read: async (i) => {
      const { latents, conditions, contextLatents } = await whole.read(i);
      const cut = (values: Float32Array, width: number) => values.slice(0, (frames[i] as number) * width);
      return { latents: cut(latents, 64), conditions, contextLatents: cut(contextLatents, 128) };
    },
  };
}

/** The real core on the toy's clips. */
export const toyParts = (): TrainParts => ({
  native,
  openSamples: () => Promise.resolve(toySamples()),
  files: nodeFiles,
  openSongMaker,
});

/** A short run on short crops: well under a second a step. */
export const toyRun = (output: string, changes: Partial<TrainConfigInput> = {}): TrainConfigInput => ({
  tensors: "toy",
  model: toyModel,
  output,
  adapter: { kind: "lora", rank: 4, dropout: 0.1 },
  learningRate: 2e-3,
  epochs: 4,
  gradientAccumulation: 2,
  cropFrames: 32,
  warmupSteps: 2,
  saveEverySteps: 3,
  ...changes,
});
