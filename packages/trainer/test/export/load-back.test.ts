import { join } from "node:path";
import { fromFloat32, readSafetensors, writeSafetensors, type HostTensor } from "@acewright/core-native";
import { expect, test } from "vitest";
import { openAdapter } from "../../src/adapters/opened-adapter.js";
import { compareBytes, compareChanges } from "../../src/export/load-back.js";
import { scratch } from "../trained.js";

const tensor = (rows: number, columns: number) =>
  fromFloat32(
    Float32Array.from({ length: rows * columns }, (_, i) => 1 + i),
    [rows, columns],
  );
const scalar = (value: number) => fromFloat32(Float32Array.of(value), []);
const q = (part: string) => `diffusion_model.decoder.layers.0.self_attn.q_proj.${part}`;

const lora = {
  [q("lora_down.weight")]: tensor(2, 4),
  [q("lora_up.weight")]: tensor(4, 2),
  [q("alpha")]: scalar(4),
};
const dora = {
  [q("lora_A.weight")]: tensor(2, 4),
  [q("lora_B.weight")]: tensor(4, 2),
  [q("lora_magnitude_vector")]: fromFloat32(Float32Array.of(1, 2, 3, 4), [4]),
};
const lokr = { [q("lokr_w1")]: tensor(2, 2), [q("lokr_w2_a")]: tensor(2, 1), [q("lokr_w2_b")]: tensor(1, 2) };
const loha = {
  [q("hada_w1_a")]: tensor(4, 2),
  [q("hada_w1_b")]: tensor(2, 4),
  [q("hada_w2_a")]: tensor(4, 2),
  [q("hada_w2_b")]: tensor(2, 4),
};
const adapters = {
  lora,
  dora,
  lokr: { ...lokr, [q("alpha")]: scalar(4) },
  loha: { ...loha, [q("alpha")]: scalar(4) },
};

function opened(tensors: Readonly<Record<string, HostTensor>>) {
  const file = join(scratch(), "adapter.safetensors");
  writeSafetensors(file, tensors);
  return openAdapter(file);
}

function nudged(value: HostTensor): HostTensor {
  const data = Uint8Array.from(value.data);
  new DataView(data.buffer).setFloat32(0, new DataView(data.buffer).getFloat32(0, true) * (1 + 1e-6), true);
  return { ...value, data };
}

test.each(Object.entries(adapters))("a number of %s that reads back otherwise is told", (_, tensors) => {
  const original = opened(tensors);
  compareChanges(opened(tensors), original.modules, "file");
  for (const [name, value] of Object.entries(tensors)) {
    const other = opened({ ...tensors, [name]: nudged(value) });
    expect(() => {
      compareChanges(other, original.modules, "file");
    }, name).toThrow("file: layers.0.self_attn.q_proj does not read back as it was written");
  }
});

test("a copied file is held against its source byte for byte", () => {
  const file = join(scratch(), "copy.safetensors");
  writeSafetensors(file, lora);
  const { tensors } = readSafetensors(file);
  compareBytes(tensors, lora, file);
  const down = q("lora_down.weight");
  for (const wrong of [
    { ...tensors, [down]: nudged(lora[down] as HostTensor) },
    { ...tensors, [down]: fromFloat32(new Float32Array(8), [4, 2]) },
    Object.fromEntries(Object.entries(tensors).filter(([name]) => name !== down)),
  ])
    expect(() => {
      compareBytes(wrong, lora, file);
    }).toThrow(`${file}: ${down} does not read back as it was written`);
});
