import { fileURLToPath } from "node:url";
import {
  Adapter,
  Decoder,
  readSafetensors,
  Sampler,
  toFloat32,
  type SamplerAdapter,
} from "@acewright/core-native";
import { readSilenceLatent } from "@acewright/dataset";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sampleRequest, samplingFor } from "../../src/generate/sampling.js";
import { GenerateSettings, type GenerateSettingsInput } from "../../src/generate/settings.js";
import { toyModel } from "../toy.js";

// What the settings of `generate` come to, from noise to latents, against tools/reference/make_sampler_golden.py.
const golden = fileURLToPath(new URL("../golden/sampler.safetensors", import.meta.url));
const { tensors } = readSafetensors(golden);
const values = (name: string): Float32Array => {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`${golden} lacks ${name}`);
  return toFloat32(tensor);
};

let decoder: Decoder;
beforeAll(async () => {
  decoder = await Decoder.open(toyModel);
});
afterAll(() => {
  decoder.close();
});

type Changes = Partial<GenerateSettingsInput>;

async function latentsOf(
  changes: Changes,
  isTurbo = true,
  adapters: readonly SamplerAdapter[] = [],
  negative?: Float32Array,
): Promise<Float32Array> {
  const settings = GenerateSettings.parse({ caption: "bells", durationS: 48 / 25, ...changes });
  const words = { condition: values("condition"), ...(negative !== undefined && { negative }) };
  const request = sampleRequest(
    settings,
    samplingFor(settings, { isTurbo }, toyModel),
    words,
    readSilenceLatent(toyModel),
  );
  using sampler = new Sampler(decoder, adapters);
  return await sampler.sample({ ...request, contextLatents: values("context"), noise: values("noise") });
}

const worst = (got: Float32Array, want: Float32Array): number => {
  expect(got).toHaveLength(want.length);
  return got.reduce((most, value, i) => Math.max(most, Math.abs(value - (want[i] ?? NaN))), 0);
};

test.each<[string, boolean, Changes]>([
  ["turbo.shift1", true, { shift: 1 }],
  ["turbo.shift3", true, {}],
  ["base.guidance7.steps12", false, { steps: 12 }],
  ["base.guidance4.steps12.interval", false, { steps: 12, guidance: 4, guidanceFrom: 0.2, guidanceTo: 0.8 }],
  ["sft.guidance5.steps10.shift3", false, { steps: 10, guidance: 5, shift: 3 }],
  ["sft.plain.steps10.shift3", false, { steps: 10, guidance: 1, shift: 3 }],
])("%s gives the reference sampler's latents within 1e-4", async (name, isTurbo, changes) => {
  expect(worst(await latentsOf(changes, isTurbo), values(name))).toBeLessThan(1e-4);
});

test("the learned null condition given as the negative is what guidance leads away from by default", async () => {
  const changes = { steps: 6, guidance: 5 };
  const tokens = values("condition").length / decoder.nullCondition.length;
  const negative = Float32Array.from({ length: values("condition").length }, (_, i) => {
    return decoder.nullCondition[i % decoder.nullCondition.length] ?? NaN;
  });
  expect(tokens % 1).toBe(0);
  const plain = await latentsOf(changes, false);
  // float32 products in batches of two and of one.
  expect(worst(await latentsOf(changes, false, [], negative), plain)).toBeLessThan(1e-4);
  const other = values("condition")
    .map((value) => -value)
    .slice(0, 3 * decoder.nullCondition.length);
  expect(worst(await latentsOf(changes, false, [], other), plain)).toBeGreaterThan(1e-2);
});

test("each setting of guidance changes the song", async () => {
  const changes = { steps: 6, guidance: 5 };
  const plain = await latentsOf(changes, false);
  for (const more of [
    { guidanceMomentum: 0 },
    { guidanceLimit: 0.5 },
    { guidanceParallel: 1 },
    { guidanceTo: 0.5 },
  ])
    expect(worst(await latentsOf({ ...changes, ...more }, false), plain)).toBeGreaterThan(1e-3);
});

test("the SDE is another way than the ODE, and its noise that of the seed", async () => {
  const ode = await latentsOf({});
  const sde = (seed: number) => latentsOf({ method: "sde", seed });
  const first = await sde(1);
  expect(worst(first, ode)).toBeGreaterThan(1e-2);
  expect(worst(await sde(2), first)).toBeGreaterThan(1e-2);
  expect(worst(await sde(1), first)).toBe(0);
});

test("what is shorter than upstream ever generates is generated at that length", () => {
  const framesFor = (durationS: number) => {
    const settings = GenerateSettings.parse({ caption: "bells", durationS });
    const words = { condition: values("condition") };
    const sampling = samplingFor(settings, { isTurbo: true }, toyModel);
    return sampleRequest(settings, sampling, words, readSilenceLatent(toyModel)).contextLatents.length / 128;
  };
  expect([1, 5, 6, 10].map(framesFor)).toEqual([128, 128, 150, 250]);
});

test("settings that speak against each other are refused", async () => {
  await expect(latentsOf({ guidanceFrom: 0.8, guidanceTo: 0.2 })).rejects.toThrow(/guidance never works/);
  await expect(latentsOf({ negativeCaption: "noise" })).rejects.toThrow(
    "negativeCaption: does nothing at guidance 1",
  );
});

const kinds = ["lora", "dora", "lokr", "loha"] as const;

/** An adapter that does something: every tensor filled by a rule. */
async function madeUp(kind: (typeof kinds)[number]): Promise<Adapter> {
  const adapter = await Adapter.create(
    decoder,
    { kind, rank: 4, alpha: 4, targetModules: ["q_proj", "up_proj"] },
    3,
  );
  const filled = Object.entries(await adapter.tensors()).flatMap(([name, tensor]) => {
    if (name.endsWith(".alpha") || name.includes("magnitude")) return [];
    const data = toFloat32(tensor).map((value, i) => value + 0.05 * Math.sin(i + name.length));
    return [[name, { ...tensor, dtype: "F32", data: new Uint8Array(data.buffer) }] as const];
  });
  await adapter.setTensors(Object.fromEntries(filled));
  return adapter;
}

test.each(kinds)(
  "%s: scales by module, and the part of the way it works in, mean what they say",
  async (kind) => {
    using adapter = await madeUp(kind);
    const all = (scale: number) => adapter.modules.map(() => scale);
    const only = (part: string) => adapter.modules.map(({ name }) => (name.includes(part) ? 1 : 0));
    const none = await latentsOf({});
    const half = await latentsOf({}, true, [{ adapter, scale: 0.5 }]);
    const full = await latentsOf({}, true, [{ adapter, scale: 1 }]);
    expect(worst(half, none)).toBeGreaterThan(1e-3);
    expect(worst(await latentsOf({}, true, [{ adapter, scale: 1, moduleScales: all(0.5) }]), half)).toBe(0);
    expect(worst(await latentsOf({}, true, [{ adapter, scale: 1, moduleScales: all(0) }]), none)).toBe(0);
    expect(worst(await latentsOf({}, true, [{ adapter, scale: 0 }]), none)).toBe(0);
    // Two halves of the modules, as two uses of one adapter, are the whole.
    const parts = ["self_attn", "cross_attn", "mlp"].map((part) => ({
      adapter,
      scale: 1,
      moduleScales: only(part),
    }));
    expect(worst(await latentsOf({}, true, parts), full)).toBeLessThan(1e-5);
    const early = await latentsOf({}, true, [{ adapter, scale: 1, to: 0.5 }]);
    expect(worst(early, full)).toBeGreaterThan(1e-4);
    expect(worst(early, none)).toBeGreaterThan(1e-4);
    const spans = [
      { adapter, scale: 1, from: 0, to: 0.5 },
      { adapter, scale: 1, from: 0.5, to: 1 },
    ];
    expect(worst(await latentsOf({}, true, spans), full)).toBe(0);
  },
);

test("scales for another number of modules are refused", async () => {
  using adapter = await madeUp("lora");
  expect(() => new Sampler(decoder, [{ adapter, scale: 1, moduleScales: [1] }])).toThrow(
    /expected one for each of/,
  );
});
