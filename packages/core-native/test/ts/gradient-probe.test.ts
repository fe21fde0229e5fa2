import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Decoder, GradientProbe, readSafetensors, toFloat32 } from "@acewright/core-native";
import { expect, test } from "vitest";

const toy = fileURLToPath(new URL("../../../../tools/reference/toy", import.meta.url));
const { tensors } = readSafetensors(join(toy, "expected.safetensors"));
const values = (name: string): Float32Array => {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`expected.safetensors lacks ${name}`);
  return toFloat32(tensor);
};
const { clips } = JSON.parse(readFileSync(join(toy, "probe.json"), "utf8")) as {
  clips: { loss: number; squared_norms: Record<string, number> }[];
};

test("the gradient of every whole weight is that of torch's autograd, under every recompute policy", async () => {
  using decoder = await Decoder.open(join(toy, "checkpoints/acestep-v15-toy"));
  const [noise, t] = [values("train.noise"), values("train.t")];
  for (const recompute of ["none", "block"] as const) {
    using probe = await GradientProbe.open(decoder, {
      targetModules: ["*_proj"],
      seed: 1,
      timesteps: { law: "uniform", low: 0, high: 1 },
      timestepRounding: "exact",
      recompute,
      buckets: { decoderTokens: 64, conditionTokens: 32 },
    });
    for (const [i, { loss, squared_norms: wanted }] of clips.entries()) {
      const latents = values(`x0.${i}`);
      const sample = await probe.addSample({
        latents,
        conditions: [values(`cond.${i}`)],
        contextLatents: values("context"),
      });
      const own = noise.slice(i * latents.length, (i + 1) * latents.length);
      const ref = { sample, key: i, timestep: t[i] as number, noise: own };
      const reading = await probe.measure(ref, 0);
      expect(reading.sample.loss / loss).toBeCloseTo(1, 5);
      expect([...reading.squaredNorms.keys()].sort()).toEqual(Object.keys(wanted));
      const worst = Math.max(
        ...Object.entries(wanted).map(([name, norm]) =>
          Math.abs((reading.squaredNorms.get(name) ?? NaN) / norm - 1),
        ),
      );
      expect(worst).toBeLessThan(1e-4);
    }
  }
});
