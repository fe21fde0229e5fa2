// Our side of the autoencoder: node vae-worker.mjs FOLDER --threads N. Protocol as in reference_worker.py.
import { createInterface } from "node:readline";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readSafetensors, toFloat32 } from "@acewright/core-native";
import { VaeEncoder } from "@acewright/dataset";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { threads: { type: "string", default: "2" } },
});
const folder = positionals[0] ?? ".";
const baseBytes = process.memoryUsage.rss();

/** @param {object} fields */
const say = (fields) => {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
};

const wave = readSafetensors(join(folder, "wave.safetensors")).tensors["wave"];
if (wave === undefined) throw new Error("wave.safetensors lacks wave");
const samples = toFloat32(wave);
/** @type {[Float32Array, Float32Array]} */
const channels = [samples.slice(0, samples.length / 2), samples.slice(samples.length / 2)];
const threads = Number(values.threads);
const encoder = await VaeEncoder.open(join(folder, "vae"), {
  device: { name: "cpu", reason: "bench" },
  threads,
});

/** @param {Float32Array} data */
const norm = (data) => Math.sqrt(data.reduce((sum, value) => sum + value * value, 0));

say({ ready: true, baseBytes, threads });
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "") continue;
  const start = performance.now();
  const { mean, std } = await encoder.encode(channels);
  const ms = performance.now() - start;
  say({ ms, peakBytes: process.resourceUsage().maxRSS * 1024, meanNorm: norm(mean), stdNorm: norm(std) });
}
