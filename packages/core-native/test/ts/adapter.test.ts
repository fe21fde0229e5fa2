import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  Adapter,
  Decoder,
  fromFloat32,
  readSafetensors,
  Sampler,
  toFloat32,
  writeSafetensors,
  type AdapterConfig,
  type HostTensor,
} from "@acewright/core-native";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const reference = fileURLToPath(new URL("../../../../tools/reference", import.meta.url));
const golden = join(reference, "golden");
const attention = ["q_proj", "k_proj", "v_proj", "o_proj"];
const all = [...attention, "gate_proj", "up_proj", "down_proj"];

/** Golden adapter case -> the settings it was made with, as ours and as the reference's. */
const cases: Record<string, { config: AdapterConfig; options: Record<string, unknown> }> = {
  lora_attn_mlp: { config: { kind: "lora", rank: 4, alpha: 4, targetModules: all }, options: {} },
  lora_rs_attn: {
    config: { kind: "lora", rank: 4, alpha: 8, rsLora: true, targetModules: attention },
    options: { rs: true },
  },
  dora_attn_mlp: { config: { kind: "dora", rank: 4, alpha: 8, targetModules: all }, options: {} },
  lokr_auto_attn_mlp: {
    config: { kind: "lokr", rank: 2, alpha: 4, factor: -1, targetModules: all },
    options: { factor: -1 },
  },
  lokr_f4_both_attn_mlp: {
    config: { kind: "lokr", rank: 1, alpha: 2, factor: 4, decomposeBoth: true, targetModules: all },
    options: { factor: 4, decompose_both: true },
  },
  lokr_full_attn: {
    config: { kind: "lokr", rank: 64, alpha: 128, factor: -1, targetModules: attention },
    options: { factor: -1 },
  },
  lokr_dora_attn: {
    config: { kind: "lokr", rank: 2, alpha: 4, factor: 4, weightDecompose: true, targetModules: attention },
    options: { factor: 4, dora: true },
  },
  loha_attn_mlp: { config: { kind: "loha", rank: 4, alpha: 4, targetModules: all }, options: {} },
};
const names = Object.keys(cases);

let folder: string;
let decoder: Decoder;
let xl: Decoder;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "acewright-adapter-"));
  decoder = await Decoder.open(join(golden, "tiny/model"));
  xl = await Decoder.open(join(golden, "tiny_xl/model"));
});
afterAll(() => {
  decoder.close();
  xl.close();
  rmSync(folder, { recursive: true });
});

function goldenTensors(name: string, prefix: string): Record<string, HostTensor> {
  const { tensors } = readSafetensors(join(golden, `tiny/adapter_${name}.safetensors`));
  const found = Object.entries(tensors).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(found.map(([key, value]) => [key.slice(prefix.length), value]));
}

/** An adapter as it stands after 20 golden training steps: every tensor is far from zero. */
async function trained(name: string): Promise<Adapter> {
  const entry = cases[name];
  if (entry === undefined) throw new Error(`no case ${name}`);
  const adapter = await Adapter.create(decoder, entry.config, 3);
  const report = await adapter.setTensors({
    ...goldenTensors(name, "init."),
    ...goldenTensors(name, "step20."),
  });
  expect(report.missing).toEqual([]);
  return adapter;
}

function inputs() {
  const { tensors } = readSafetensors(join(golden, "tiny/decoder_short.safetensors"));
  const get = (name: string): Float32Array => {
    const tensor = tensors[name];
    if (tensor === undefined) throw new Error(`decoder_short lacks ${name}`);
    return toFloat32(tensor);
  };
  return {
    latents: get("in.x"),
    condition: get("in.cond"),
    contextLatents: get("in.context"),
    timestep: 0.625,
    tensors,
  };
}

async function velocity(adapters: { adapter: Adapter; scale: number }[]): Promise<Float32Array> {
  using sampler = new Sampler(decoder, adapters);
  return await sampler.velocity(inputs());
}

function worst(got: Float32Array, want: Float32Array): number {
  let error = 0;
  let top = 0;
  want.forEach((value, i) => {
    error = Math.max(error, Math.abs(value - (got[i] ?? Number.NaN)));
    top = Math.max(top, Math.abs(value));
  });
  expect(got).toHaveLength(want.length);
  return error / top;
}

describe.each(names)("%s", (name) => {
  test("a fresh adapter has the golden names and shapes and changes nothing", async () => {
    const entry = cases[name];
    if (entry === undefined) throw new Error(name);
    using adapter = await Adapter.create(decoder, entry.config, 11);
    const ours = await adapter.tensors();
    const want = goldenTensors(name, "init.");
    expect(Object.keys(ours).sort()).toEqual(Object.keys(want).sort());
    for (const [key, tensor] of Object.entries(want))
      expect([key, ours[key]?.shape]).toEqual([key, tensor.shape]);
    expect(worst(await velocity([{ adapter, scale: 1 }]), await velocity([]))).toBeLessThan(1e-6);
    expect(await adapter.effect()).toBeLessThan(1e-6);
  });

  test("what is saved and loaded again gives the same output bit for bit, and the same file again", async () => {
    using adapter = await trained(name);
    const first = join(folder, `${name}-1`);
    const second = join(folder, `${name}-2`);
    const paths = await adapter.save(first, { trigger: "bells" });
    const { adapter: again, report, metadata } = await Adapter.load(decoder, first);
    expect(report.missing).toEqual([]);
    expect(report.unexpected).toEqual([]);
    expect(metadata["trigger"]).toBe("bells");
    expect(await velocity([{ adapter: again, scale: 1 }])).toEqual(await velocity([{ adapter, scale: 1 }]));
    const repeated = await again.save(second, { trigger: "bells" });
    expect(readSafetensors(repeated[0] as string).tensors).toEqual(
      readSafetensors(paths[0] as string).tensors,
    );
    again.close();
  });

  test("strength 0 is the base model, and merged weights are what the module computes", async () => {
    using adapter = await trained(name);
    expect(worst(await velocity([{ adapter, scale: 0 }]), await velocity([]))).toBeLessThan(1e-5);
    expect(await adapter.effect()).toBeGreaterThan(1e-4);
    const half = await adapter.mergedWeight("layers.1.self_attn.q_proj", 0.5);
    const base = await adapter.mergedWeight("layers.1.self_attn.q_proj", 0);
    const full = await adapter.mergedWeight("layers.1.self_attn.q_proj", 1);
    const middle = base.map((value, i) => (value + (full[i] as number)) / 2);
    expect(worst(half, middle)).toBeLessThan(1e-6);
  });

  test("the reference implementation loads our file and computes the same output", async ({ skip }) => {
    const python = "/usr/bin/python3";
    if (spawnSync(python, ["-c", "import torch"]).status !== 0) skip("python3-torch is not installed");
    const entry = cases[name];
    if (entry === undefined) throw new Error(name);
    using adapter = await trained(name);
    const place = join(folder, `${name}-reference`);
    const [file] = await adapter.save(place);
    const given = inputs();
    const tensors = given.tensors;
    writeSafetensors(join(place, "inputs.safetensors"), {
      x: tensors["in.x"] as HostTensor,
      cond: tensors["in.cond"] as HostTensor,
      context: tensors["in.context"] as HostTensor,
      t: fromFloat32(Float32Array.of(given.timestep), [1]),
    });
    const how = {
      kind: entry.config.kind,
      rank: entry.config.rank,
      alpha: entry.config.alpha,
      targets: entry.config.targetModules,
      options: entry.options,
    };
    const script = fileURLToPath(new URL("apply_adapter.py", import.meta.url));
    const output = join(place, "velocity.safetensors");
    const ran = spawnSync(
      python,
      [
        script,
        reference,
        join(golden, "tiny/model"),
        file as string,
        join(place, "inputs.safetensors"),
        output,
        JSON.stringify(how),
      ],
      { encoding: "utf8" },
    );
    expect(ran.stderr).toBe("");
    const want = toFloat32(readSafetensors(output).tensors["velocity"] as HostTensor);
    expect(worst(await velocity([{ adapter, scale: 1 }]), want)).toBeLessThan(1e-5);
  });
});

test("two adapters stack: their changes add up", async () => {
  using lora = await trained("lora_rs_attn");
  using lokr = await trained("lokr_full_attn");
  const stacked = await velocity([
    { adapter: lora, scale: 1 },
    { adapter: lokr, scale: 0 },
  ]);
  expect(worst(stacked, await velocity([{ adapter: lora, scale: 1 }]))).toBeLessThan(1e-5);
  const both = await velocity([
    { adapter: lora, scale: 1 },
    { adapter: lokr, scale: 1 },
  ]);
  const swapped = await velocity([
    { adapter: lokr, scale: 1 },
    { adapter: lora, scale: 1 },
  ]);
  expect(worst(both, swapped)).toBeLessThan(1e-5);
  expect(worst(both, stacked)).toBeGreaterThan(1e-3);
});

test("rank and alpha patterns are honoured by full name, suffix and wildcard, and survive the file", async () => {
  const config: AdapterConfig = {
    kind: "lora",
    rank: 4,
    alpha: 8,
    targetModules: ["layers.[01].*".replace("[01]", "?"), "mlp.up_proj"],
    rankPattern: { "cross_attn.q_proj": 2, "layers.0.mlp.up_proj": 1 },
    alphaPattern: { q_proj: 3 },
  };
  using adapter = await Adapter.create(decoder, config, 5);
  const module = (name: string) => adapter.modules.find((m) => m.name === name);
  expect(module("layers.2.cross_attn.q_proj")).toMatchObject({ rank: 2, alpha: 3 });
  expect(module("layers.0.mlp.up_proj")).toMatchObject({ rank: 1, alpha: 8 });
  expect(module("layers.1.self_attn.v_proj")).toMatchObject({ rank: 4, alpha: 8 });
  const place = join(folder, "patterns");
  await adapter.save(place);
  const { adapter: again } = await Adapter.load(decoder, place);
  expect([...again.modules].sort((a, b) => a.name.localeCompare(b.name))).toEqual(
    [...adapter.modules].sort((a, b) => a.name.localeCompare(b.name)),
  );
  again.close();
});

test("a target that names nothing is refused by name", async () => {
  const config: AdapterConfig = { kind: "lora", rank: 4, alpha: 4, targetModules: ["q_proj", "quark_proj"] };
  await expect(Adapter.create(decoder, config, 1)).rejects.toMatchObject({
    code: "ERR_CONFIG",
    message: expect.stringContaining("quark_proj") as string,
  });
});

test("an adapter of another model is refused with both shapes", async () => {
  using adapter = await trained("lora_attn_mlp");
  const place = join(folder, "other-model");
  await adapter.save(place);
  await expect(Adapter.load(xl, place)).rejects.toMatchObject({
    code: "ERR_CHECKPOINT",
    message: expect.stringMatching(/lora_[AB]\.weight.*\[/) as string,
  });
});

test("a file in which nothing matches is an error, never a silent no-op", async () => {
  const place = join(folder, "foreign");
  mkdirSync(place);
  writeSafetensors(join(place, "adapter_model.safetensors"), {
    "base_model.model.blocks.0.attn.to_q.lora_A.weight": fromFloat32(new Float32Array(4), [2, 2]),
  });
  writeFileSync(
    join(place, "adapter_config.json"),
    JSON.stringify({ peft_type: "LORA", r: 2, lora_alpha: 2 }),
  );
  await expect(Adapter.load(decoder, place)).rejects.toMatchObject({
    code: "ERR_CHECKPOINT",
    message: expect.stringContaining("none of its 1 tensors") as string,
  });
});

test("PEFT's in-memory names and another prefix load too", async () => {
  using adapter = await trained("lora_attn_mlp");
  const place = join(folder, "default-names");
  await adapter.save(place);
  const file = join(place, "adapter_model.safetensors");
  const renamed = Object.entries(await adapter.tensors()).map(([key, tensor]) => [
    key.replace("base_model.model.", "base_model.model.decoder.").replace(/\.weight$/, ".default.weight"),
    tensor,
  ]);
  writeSafetensors(file, Object.fromEntries(renamed) as Record<string, HostTensor>);
  const { adapter: again, report } = await Adapter.load(decoder, place);
  expect(report.unexpected).toEqual([]);
  expect(await velocity([{ adapter: again, scale: 1 }])).toEqual(await velocity([{ adapter, scale: 1 }]));
  again.close();
});

test("an official LyCORIS file with entries of untrained modules loads and lists them", async () => {
  using adapter = await trained("lokr_auto_attn_mlp");
  const place = join(folder, "official-lokr");
  await adapter.save(place);
  const extra = { "lycoris_time_embed_linear_1.lokr_w1": fromFloat32(new Float32Array(4), [2, 2]) };
  writeSafetensors(join(place, "lokr_weights.safetensors"), { ...(await adapter.tensors()), ...extra });
  const { adapter: again, report } = await Adapter.load(decoder, join(place, "lokr_weights.safetensors"));
  expect(report).toMatchObject({ unexpected: [], ignored: Object.keys(extra) });
  expect(await velocity([{ adapter: again, scale: 1 }])).toEqual(await velocity([{ adapter, scale: 1 }]));
  again.close();
});

test.each([
  ["a missing folder", "nowhere", /not found/],
  ["an empty folder", "empty", /holds no adapter/],
])("%s is told in one line", async (_, name, message) => {
  if (name === "empty") writeFileSync(join(folder, "empty"), "");
  const path = name === "empty" ? mkdtempSync(join(folder, "empty-")) : join(folder, name);
  await expect(Adapter.load(decoder, path)).rejects.toMatchObject({
    code: "ERR_FILE",
    message: expect.stringMatching(message) as string,
  });
});
