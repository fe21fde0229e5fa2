// Learning is real: the reference's 300 steps on the toy checkpoint, replayed loss by loss.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  Adapter,
  Decoder,
  readSafetensors,
  toFloat32,
  TrainSession,
  type AdapterConfig,
  type HostTensor,
  type SampleRef,
} from "@acewright/core-native";
import { expect, test } from "vitest";

const toy = fileURLToPath(new URL("../../../../tools/reference/toy", import.meta.url));
const { tensors } = readSafetensors(join(toy, "expected.safetensors"));
const expected = JSON.parse(readFileSync(join(toy, "expected.json"), "utf8")) as {
  steps: number;
  frames: number;
  targets: string[];
  runs: Record<
    string,
    { kind: string; rank: number; alpha: number; lr: number; train_loss: number[]; val_loss: number[] }
  >;
};
const clips = [0, 1, 2];
const perClip = expected.frames * 64;

function values(name: string): Float32Array {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`expected.safetensors lacks ${name}`);
  return toFloat32(tensor);
}

/** The three clips of noise set `k`, as the references of one batch. */
function batchOf(set: "train" | "val", k: number): SampleRef[] {
  const noise = values(`${set}.noise`);
  const t = values(`${set}.t`);
  return clips.map((clip) => {
    const place = k * clips.length + clip;
    return {
      sample: clip,
      key: clip,
      timestep: t[place] as number,
      noise: noise.slice(place * perClip, (place + 1) * perClip),
      dropCondition: false,
    };
  });
}

function worstRelative(got: readonly number[], want: readonly number[]): number {
  return Math.max(...got.map((g, i) => Math.abs(g - (want[i] as number)) / (want[i] as number)));
}

test.each(["lora", "lokr"])(
  "300 AdamW steps of %s give the reference's losses within 1e-4",
  async (name) => {
    const run = expected.runs[name];
    if (run === undefined) throw new Error(`no run ${name}`);
    using decoder = await Decoder.open(join(toy, "checkpoints/acestep-v15-toy"));
    const config = {
      kind: run.kind,
      rank: run.rank,
      alpha: run.alpha,
      targetModules: expected.targets,
    } as AdapterConfig;
    using adapter = await Adapter.create(decoder, config, 1);
    const fresh = await adapter.tensors();
    const init: Record<string, HostTensor> = {};
    for (const [key, tensor] of Object.entries(fresh)) {
      if (key.endsWith(".alpha")) continue;
      const given = tensors[`init.${name}.${key}`];
      init[key] = given ?? { ...tensor, data: new Uint8Array(tensor.data.length) };
    }
    const report = await adapter.setTensors(init);
    expect(report.unexpected).toEqual([]);
    using session = await TrainSession.open(decoder, adapter, {
      seed: 1,
      optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
      decayVectors: true, // as the reference does
      maxGradNorm: 0,
      timesteps: { law: "uniform", low: 0, high: 1 },
      timestepRounding: "exact",
      conditionDropout: 0,
      recompute: "none",
      buckets: { decoderTokens: 64, conditionTokens: 32 },
      padding: "masked",
    });
    for (const clip of clips) {
      const index = await session.addSample({
        latents: values(`x0.${clip}`),
        conditions: [values(`cond.${clip}`)],
        contextLatents: values("context"),
      });
      expect(index).toBe(clip);
    }
    const validation = async (): Promise<number> => {
      const sets = [0, 1, 2, 3].map((k) => batchOf("val", k));
      return (await session.evaluate(sets)).loss;
    };
    const trainLoss: number[] = [];
    const validationLoss: number[] = [];
    for (let step = 0; step < expected.steps; step++) {
      if (step % 10 === 0) validationLoss.push(await validation());
      const result = await session.step({
        step,
        learningRate: run.lr,
        microBatches: [batchOf("train", step % 16)],
      });
      if (step % 10 === 0) trainLoss.push(result.loss);
    }
    validationLoss.push(await validation());
    expect(trainLoss).toHaveLength(run.train_loss.length);
    expect(validationLoss).toHaveLength(run.val_loss.length);
    const worst = Math.max(
      worstRelative(trainLoss, run.train_loss),
      worstRelative(validationLoss, run.val_loss),
    );
    console.log(`${name}: worst relative error of any listed loss ${worst.toExponential(2)}`);
    expect(worst).toBeLessThan(1e-4);
  },
  240_000,
);
