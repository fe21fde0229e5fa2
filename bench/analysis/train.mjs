// node bench/analysis/train.mjs [--soundfont FILE.sf2] [--songs 96] [--seeds 1,2,3,4]
// Fits the weights of tempo, metre and key on rendered songs and writes them to packages/dataset/src/analysis.
// Never use the seeds that `bench.mjs` holds out.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { format } from "prettier";
import { chromaOf } from "../../packages/dataset/dist/analysis/chroma.js";
import { describeKeys } from "../../packages/dataset/dist/analysis/key-features.js";
import { onsetCurves } from "../../packages/dataset/dist/analysis/onsets.js";
import { findPulses } from "../../packages/dataset/dist/analysis/pulse-features.js";
import { halveRate, mixDown } from "../../packages/dataset/dist/dsp/decimate.js";
import { fitChoice } from "./fit.mjs";
import { renderer } from "./render.mjs";
import { keyNames, makeSongs } from "./song.mjs";

const metres = ["3", "4", "6"];

/**
 * What the models see of one song, and what they ought to say.
 *
 * @param {import("./song.mjs").Truth} truth
 * @param {[Float32Array, Float32Array]} channels at 48 kHz
 */
export function describeSong(truth, [left, right]) {
  const mono = halveRate(mixDown(left, right));
  const low = halveRate(mono);
  const pulses = findPulses(onsetCurves(mono, 24_000), chromaOf(low, 12_000, { size: 4096, hop: 1024 }));
  const keys = describeKeys(chromaOf(low, 12_000, { size: 8192, hop: 2048 }));
  return {
    metre: {
      rows: pulses.map(({ features }) => features),
      right: pulses.map(({ periodS }) =>
        metres.map(
          (metre) => Math.abs(60 / periodS / truth.bpm - 1) < 0.012 && metre === truth.timesignature,
        ),
      ),
    },
    key: {
      rows: keys.map(({ features }) => features),
      right: keys.map(({ tonic, mode }) => [`${keyNames[tonic] ?? ""} ${mode}` === truth.key]),
    },
  };
}

/** The same model on features as they come. @param {import("./fit.mjs").Model} model */
function unscaled({ mean, scale, weights, bias }) {
  const plain = weights.map((row) => row.map((weight, k) => weight / (scale[k] ?? 1)));
  return {
    weights: plain.map((row) => row.map((weight) => Number(weight.toPrecision(4)))),
    bias: bias.map((value, c) =>
      Number(
        (value - (plain[c] ?? []).reduce((sum, weight, k) => sum + weight * (mean[k] ?? 0), 0)).toFixed(4),
      ),
    ),
  };
}

/** @param {string} name @param {string} text */
async function write(name, text) {
  const head = "// Fitted by bench/analysis/train.mjs; do not edit.\n\n";
  const folder = fileURLToPath(new URL("../../packages/dataset/src/analysis", import.meta.url));
  writeFileSync(join(folder, name), await format(head + text, { parser: "typescript", printWidth: 110 }));
}

/** @param {{ metre: import("./fit.mjs").Choice, key: import("./fit.mjs").Choice }[]} described */
export async function writeWeights(described) {
  const metre = unscaled(
    fitChoice(
      described.map((song) => song.metre),
      metres.length,
      { shared: 0.01, own: 0.03 },
    ),
  );
  // The bias of a choice among keys is the same for all of them.
  const key = unscaled(
    fitChoice(
      described.map((song) => song.key),
      1,
      { shared: 0.002 },
    ),
  );
  await write(
    "metre-weights.ts",
    `/** A row for 3/4, 4/4 and 6/8 each, in the order of \`describePulse\`. */
export const metreWeights: readonly (readonly number[])[] = ${JSON.stringify(metre.weights)};
export const metreBiases: readonly number[] = ${JSON.stringify(metre.bias)};`,
  );
  await write(
    "key-weights.ts",
    `/** In the order of the features of \`describeKeys\`. */
export const keyWeights: readonly number[] = ${JSON.stringify(key.weights[0])};`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      soundfont: { type: "string" },
      songs: { type: "string", default: "96" },
      seeds: { type: "string", default: "1,2,3,4" },
    },
  });
  const described = [];
  for (const seed of values.seeds.split(",")) {
    for (const render of [
      renderer(),
      ...(values.soundfont === undefined ? [] : [renderer(values.soundfont)]),
    ]) {
      for (const song of makeSongs(Number(values.songs), Number(seed))) {
        described.push(describeSong(song.truth, render(song)));
      }
      console.error(`seed ${seed}: ${described.length} songs`);
    }
  }
  await writeWeights(described);
}
