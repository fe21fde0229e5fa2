// Our side of the training step: node step-worker.mjs FOLDER --adapter lora|lokr --threads N
// The same protocol as reference_worker.py: one JSON object when ready, one for each line on stdin.
import { createInterface } from "node:readline";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  Adapter,
  Decoder,
  openDevice,
  readSafetensors,
  toFloat32,
  TrainSession,
} from "@acewright/core-native";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { adapter: { type: "string", default: "lora" }, threads: { type: "string", default: "2" } },
});
const folder = positionals[0] ?? ".";
const baseBytes = process.memoryUsage.rss();

/** @param {object} fields */
const say = (fields) => {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
};

const { tensors, metadata } = readSafetensors(join(folder, "batch.safetensors"));
/** @param {string} name */
const floats = (name) => {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`batch.safetensors lacks ${name}`);
  return toFloat32(tensor);
};
const threads = Number(values.threads);
const decoder = await Decoder.open(join(folder, "model"), { device: openDevice("cpu", { threads }) });
const { adapter, report } = await Adapter.load(decoder, join(folder, values.adapter));
if (report.missing.length + report.unexpected.length > 0) throw new Error(JSON.stringify(report));
const session = await TrainSession.open(decoder, adapter, {
  seed: 1,
  optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
  maxGradNorm: 1,
  timesteps: { law: "uniform", low: 0, high: 1 },
  timestepRounding: "exact",
  conditionDropout: 0,
  recompute: "none",
  buckets: { decoderTokens: 1, conditionTokens: 1 },
  padding: "masked",
});
const sample = await session.addSample({
  latents: floats("latents"),
  conditions: [floats("condition")],
  contextLatents: floats("context"),
});
const place = {
  sample,
  key: 0,
  timestep: Number(metadata["timestep"]),
  noise: floats("noise"),
  dropCondition: false,
};

say({ ready: true, baseBytes, threads });
let step = 0;
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "") continue;
  const start = performance.now();
  const { loss, gradNorm } = await session.step({
    step: step++,
    learningRate: 1e-4,
    microBatches: [[place]],
  });
  const ms = performance.now() - start;
  // The program is traced by the first step.
  const { flopsPerMicroBatch: flops } = await session.memory();
  // Linux tells the peak in KiB.
  say({
    ms,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    loss,
    gradNorm,
    flops,
  });
}
