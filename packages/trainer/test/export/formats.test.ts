import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
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
import type { AdapterFormat } from "../../src/export/adapter-names.js";
import { exportAdapter, type ExportOptions } from "../../src/export/export-adapter.js";

const reference = fileURLToPath(new URL("../../../../tools/reference", import.meta.url));
const golden = join(reference, "golden", "tiny");
const model = join(golden, "model");
const attention = ["q_proj", "k_proj", "v_proj", "o_proj"];
const all = [...attention, "gate_proj", "up_proj", "down_proj"];

/** Golden adapters after 20 steps, at scales other than 1 so that a lost alpha shows. */
const adapters: Record<string, AdapterConfig> = {
  lora_attn_mlp: {
    kind: "lora",
    rank: 4,
    alpha: 12,
    targetModules: all,
    alphaPattern: { "cross_attn.q_proj": 2 },
  },
  lora_rs_attn: { kind: "lora", rank: 4, alpha: 8, rsLora: true, targetModules: attention },
  dora_attn_mlp: { kind: "dora", rank: 4, alpha: 8, targetModules: all },
  lokr_f4_both_attn_mlp: {
    kind: "lokr",
    rank: 1,
    alpha: 2,
    factor: 4,
    decomposeBoth: true,
    targetModules: all,
  },
  lokr_dora_attn: {
    kind: "lokr",
    rank: 2,
    alpha: 4,
    factor: 4,
    weightDecompose: true,
    targetModules: attention,
  },
  loha_attn_mlp: { kind: "loha", rank: 4, alpha: 4, targetModules: all },
};

/** Adapter, name of the export, and what it is made with where that is more than the name. */
const cases: [string, string, Partial<ExportOptions>?][] = [
  ["lora_attn_mlp", "peft"],
  ["lora_attn_mlp", "comfyui"],
  ["lora_attn_mlp", "comfyui-generic", { format: "comfyui", prefix: "generic" }],
  ["lora_attn_mlp", "diffusers"],
  ["lora_attn_mlp", "bare"],
  ["lora_attn_mlp", "merged"],
  ["lora_rs_attn", "peft"],
  ["lora_rs_attn", "comfyui"],
  ["lora_rs_attn", "comfyui-generic", { format: "comfyui", prefix: "generic" }],
  ["lora_rs_attn", "diffusers"],
  ["lora_rs_attn", "bare"],
  ["lora_rs_attn", "merged"],
  ["dora_attn_mlp", "peft"],
  ["dora_attn_mlp", "comfyui"],
  ["dora_attn_mlp", "comfyui-generic", { format: "comfyui", prefix: "generic" }],
  ["dora_attn_mlp", "diffusers"],
  ["dora_attn_mlp", "bare", { asLora: 64 }],
  ["dora_attn_mlp", "merged"],
  ["lokr_f4_both_attn_mlp", "lycoris"],
  ["lokr_f4_both_attn_mlp", "comfyui"],
  ["lokr_f4_both_attn_mlp", "comfyui-generic", { format: "comfyui", prefix: "generic" }],
  ["lokr_f4_both_attn_mlp", "peft", { asLora: 64 }],
  ["lokr_f4_both_attn_mlp", "diffusers", { asLora: 64 }],
  ["lokr_f4_both_attn_mlp", "bare", { asLora: 64 }],
  ["lokr_f4_both_attn_mlp", "merged"],
  ["lokr_dora_attn", "lycoris"],
  ["lokr_dora_attn", "comfyui", { asLora: 64 }],
  ["lokr_dora_attn", "peft", { asLora: 64 }],
  ["lokr_dora_attn", "diffusers", { asLora: 64 }],
  ["lokr_dora_attn", "bare", { asLora: 64 }],
  ["lokr_dora_attn", "merged", { maxShardBytes: 600_000 }],
  ["loha_attn_mlp", "lycoris"],
  ["loha_attn_mlp", "comfyui"],
  ["loha_attn_mlp", "comfyui-generic", { format: "comfyui", prefix: "generic" }],
  ["loha_attn_mlp", "peft", { asLora: 64 }],
  ["loha_attn_mlp", "diffusers", { asLora: 64 }],
  ["loha_attn_mlp", "bare", { asLora: 64 }],
  ["loha_attn_mlp", "merged"],
];

let root: string;
/** The same model in float32, so that a merge can be held to float32's accuracy. */
let wideModel: string;
let decoder: Decoder;
/** What our own decoder computes with each adapter before any export. */
const ours = new Map<string, Float32Array>();

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "acewright-formats-"));
  wideModel = join(root, "wide");
  mkdirSync(wideModel);
  cpSync(join(model, "config.json"), join(wideModel, "config.json"));
  const { tensors: weights } = readSafetensors(join(model, "model.safetensors"));
  const wide = Object.entries(weights).map(
    ([key, tensor]) => [key, fromFloat32(toFloat32(tensor), tensor.shape)] as const,
  );
  writeSafetensors(join(wideModel, "model.safetensors"), Object.fromEntries(wide));
  decoder = await Decoder.open(model);
  for (const [name, config] of Object.entries(adapters)) {
    using adapter = await Adapter.create(decoder, config, 3);
    const file = join(golden, `adapter_${name}.safetensors`);
    const { tensors } = readSafetensors(file);
    const stored = (prefix: string) =>
      Object.entries(tensors).flatMap(([key, value]): [string, HostTensor][] =>
        key.startsWith(prefix) && !(key.endsWith(".alpha") && config.kind === "lora")
          ? [[key.slice(prefix.length), value]]
          : [],
      );
    await adapter.setTensors(Object.fromEntries([...stored("init."), ...stored("step20.")]));
    await adapter.save(join(root, name), { trigger: "bells", base_model: "tiny" });
    ours.set(name, await velocity(decoder, [{ adapter, scale: 1 }]));
  }
}, 60_000);

afterAll(() => {
  decoder.close();
  rmSync(root, { recursive: true });
});

function valuesIn(file: string, name: string): Float32Array {
  const tensor = readSafetensors(file, [name]).tensors[name];
  if (tensor === undefined) throw new Error(`${file} lacks ${name}`);
  return toFloat32(tensor);
}

async function velocity(on: Decoder, use: { adapter: Adapter; scale: number }[]): Promise<Float32Array> {
  using sampler = new Sampler(on, use);
  const inputs = join(golden, "decoder_short.safetensors");
  return await sampler.velocity({
    latents: valuesIn(inputs, "in.x"),
    condition: valuesIn(inputs, "in.cond"),
    contextLatents: valuesIn(inputs, "in.context"),
    timestep: 0.625,
  });
}

/** Largest difference over the largest value. */
function distance(got: Float32Array, want: Float32Array | undefined): number {
  expect(got).toHaveLength(want?.length ?? -1);
  const top = got.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return got.reduce((most, value, i) => Math.max(most, Math.abs(value - (want?.[i] ?? NaN))), 0) / top;
}

function digest(tensors: Readonly<Record<string, HostTensor>>): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(tensors).sort()) hash.update(name).update(tensors[name]?.data ?? "");
  return hash.digest("hex");
}

const expected = join(reference, "exported", "expected.safetensors");
const digests = (): Record<string, string> =>
  JSON.parse(readFileSync(join(reference, "exported", "digests.json"), "utf8")) as Record<string, string>;
/** Set while the reference's numbers are made anew: the exports are kept there, and not compared. */
const keep = process.env.ACEWRIGHT_KEEP_EXPORTS;

describe.each(cases)("%s as %s", (name, format, options = {}) => {
  const id = `${name}.${format}`;
  const output = () => join(root, id);

  test("loads again and sounds as before, here and by its client's own rule", async () => {
    const report = await exportAdapter(join(root, name), {
      format: format as AdapterFormat,
      output: output(),
      model: format === "merged" ? wideModel : model,
      ...options,
    });
    if (keep !== undefined) cpSync(output(), join(keep, id), { recursive: true });
    const got = await replayed(output(), report.format);
    // float32: factors in another order, and rounded once more where a scale went into them.
    expect(distance(got, ours.get(name))).toBeLessThan(1e-5);
    if (keep !== undefined) return;
    expect(distance(got, valuesIn(expected, id))).toBeLessThan(1e-5);
    const weights = report.files.find((file) => file.endsWith(".safetensors")) ?? "";
    // The reference saw these very tensors.
    if (format !== "merged") expect(digest(readSafetensors(weights).tensors)).toBe(digests()[id]);
    expect(readFileSync(join(output(), "README.md"), "utf8")).toContain("Trigger: `bells`");
  });
});

async function replayed(folder: string, format: AdapterFormat): Promise<Float32Array> {
  if (format === "merged") {
    const merged = await Decoder.open(folder);
    const result = await velocity(merged, []);
    merged.close();
    return result;
  }
  const { adapter, report } = await Adapter.load(decoder, folder);
  expect(report).toMatchObject({ missing: [], unexpected: [] });
  const result = await velocity(decoder, [{ adapter, scale: 1 }]);
  adapter.close();
  return result;
}

test("a merged model in shards has an index, and every other file of the model", () => {
  const folder = join(root, "lokr_dora_attn.merged");
  const shards = readdirSync(folder).filter((file) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(file));
  expect(shards.length).toBeGreaterThan(2);
  expect(existsSync(join(folder, "model.safetensors.index.json"))).toBe(true);
  expect(readFileSync(join(folder, "config.json"))).toEqual(readFileSync(join(model, "config.json")));
});

test("merging into bf16 tells how much of each module's change is left", async () => {
  const output = join(root, "bf16");
  const { survival = [] } = await exportAdapter(join(root, "lora_attn_mlp"), {
    format: "merged",
    output,
    model,
  });
  expect(survival).toHaveLength(44);
  const wrong: string[] = [];
  const { adapter } = await Adapter.load(decoder, join(root, "lora_attn_mlp"));
  for (const { name, kept, noise } of survival) {
    const weight = await adapter.mergedWeight(name, 0);
    const whole = await adapter.mergedWeight(name, 1);
    const written = valuesIn(join(output, "model.safetensors"), `decoder.${name}.weight`);
    // Seven explicit bits: to the nearest is half a unit of 2^-7. Beside that the two sums differ by float32's rounding.
    const top = whole.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    written.forEach((value, i) => {
      const want = whole[i] ?? Number.NaN;
      if (!(Math.abs(value - want) <= 2 ** -8 * Math.abs(want) + 2 ** -22 * top)) wrong.push(`${name} ${i}`);
    });
    const change = whole.map((value, i) => value - (weight[i] ?? 0));
    const left = written.map((value, i) => value - (weight[i] ?? 0));
    const dot = (a: Float32Array, b: Float32Array) =>
      a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
    expect(kept).toBeCloseTo(dot(left, change) / dot(change, change), 4);
    const off = left.map((value, i) => value - (change[i] ?? 0));
    expect(noise).toBeCloseTo(Math.sqrt(dot(off, off) / dot(change, change)), 4);
    expect(noise).toBeGreaterThan(0);
  }
  expect(wrong).toEqual([]);
  adapter.close();
});

test("what a client cannot play is refused with the way out", async () => {
  const out = join(root, "refused");
  const refusal = (name: string, format: AdapterFormat, extra: Partial<ExportOptions> = {}) =>
    exportAdapter(join(root, name), { format, output: out, model, ...extra });
  await expect(refusal("lokr_dora_attn", "comfyui")).rejects.toThrow(
    /weight-decomposed lokr, whose rows ComfyUI divides by other norms .* --as-lora RANK/,
  );
  await expect(refusal("dora_attn_mlp", "bare")).rejects.toThrow(/no one rule for DoRA.*--as-lora RANK/);
  await expect(refusal("loha_attn_mlp", "diffusers")).rejects.toThrow(/export it as lycoris, or .*--as-lora/);
  await expect(refusal("lora_attn_mlp", "comfyui", { prefix: "a b" })).rejects.toThrow(
    /prefix: expected native/,
  );
  await expect(refusal("lora_attn_mlp", "diffusers", { prefix: "generic" })).rejects.toThrow(
    "prefix: belongs to comfyui, but format is diffusers",
  );
  await expect(
    exportAdapter(join(root, "dora_attn_mlp"), { format: "comfyui", output: out }),
  ).rejects.toThrow(/divides rows by the norm of W.*--model/);
  await expect(exportAdapter(join(root, "lora_attn_mlp"), { format: "merged", output: out })).rejects.toThrow(
    /needs the model to merge into/,
  );
  expect(existsSync(out)).toBe(false);
});

test("a thin LoRA in place of a LoKr tells its error", async () => {
  const report = await exportAdapter(join(root, "lokr_dora_attn"), {
    format: "comfyui",
    output: join(root, "thin.safetensors"),
    model,
    asLora: 4,
  });
  expect(report.relativeError).toBeGreaterThan(0.01);
  expect(report.relativeError).toBeLessThan(1);
  expect(report.files).toEqual([join(root, "thin.safetensors")]);
});

test("an export is a source again: ComfyUI's file becomes a PEFT folder of the same change", async () => {
  const report = await exportAdapter(
    join(
      root,
      "lora_rs_attn.comfyui",
      readdirSync(join(root, "lora_rs_attn.comfyui")).find((file) => file.endsWith(".safetensors")) ?? "",
    ),
    {
      format: "peft",
      output: join(root, "back"),
      model,
    },
  );
  expect(report.loaded?.scale).toMatchObject({ from: "adapter_config.json", least: 4, most: 4 });
  expect(distance(await replayed(join(root, "back"), "peft"), ours.get("lora_rs_attn"))).toBeLessThan(1e-6);
});
