import {
  AceError,
  Adapter,
  Decoder,
  toFloat32,
  type HostTensor,
  type LoadReport,
} from "@acewright/core-native";
import { scaled, type Matrix } from "../adapters/matrix.js";
import { magnitudesOf, partOf, type OpenedAdapter, type OpenedModule } from "../adapters/opened-adapter.js";

type Tensors = Readonly<Record<string, HostTensor>>;

/** @throws {AceError} ERR_CHECKPOINT where a tensor is not bit by bit what it was. */
export function compareBytes(written: Tensors, original: Tensors, file: string): void {
  for (const [name, tensor] of Object.entries(original)) {
    const back = written[name];
    const same =
      back?.dtype === tensor.dtype &&
      back.shape.join() === tensor.shape.join() &&
      Buffer.compare(back.data, tensor.data) === 0;
    if (!same) throw new AceError("ERR_CHECKPOINT", `${file}: ${name} does not read back as it was written`);
  }
}

/** float32 once more rounded: two factors and a scale. */
const roundings = 4 * 2 ** -23;

/** @throws {AceError} ERR_CHECKPOINT where a LoRA that was written anew would make another change than its source. */
export function compareChanges(
  written: OpenedAdapter,
  original: readonly OpenedModule[],
  file: string,
): void {
  const byName = new Map(written.modules.map((module) => [module.name, module]));
  for (const module of original) {
    const back = byName.get(module.name);
    const pairs: [Matrix | undefined, Matrix | undefined][] = [
      [partOf(module, "lora_A.weight"), back && partOf(back, "lora_A.weight")],
      [factorB(module), back && factorB(back)],
      ...lycorisParts.map((part): [Matrix | undefined, Matrix | undefined] => [
        partOf(module, part),
        back && partOf(back, part),
      ]),
    ];
    // A LoRA's scale may have gone into its B factor, which is compared with it.
    if (!module.parts.has("lora_B.weight")) pairs.push([scaleOf(module), scaleOf(back)]);
    if (!written.file.magnitudesOverBase)
      pairs.push([row(magnitudesOf(module)), back && row(magnitudesOf(back))]);
    if (back === undefined || pairs.some(([want, got]) => !alike(want?.data, got?.data)))
      throw new AceError("ERR_CHECKPOINT", `${file}: ${module.name} does not read back as it was written`);
  }
}

const lycorisParts = ["lokr_w1", "lokr_w2", "hada_w1", "hada_w2"].flatMap((name) => [
  name,
  `${name}_a`,
  `${name}_b`,
]);

const scaleOf = (module: OpenedModule | undefined): Matrix | undefined =>
  row(module && Float32Array.of(module.scale));

const row = (values: Float32Array | undefined): Matrix | undefined =>
  values && { rows: 1, columns: values.length, data: Float64Array.from(values) };

function factorB(module: OpenedModule): Matrix | undefined {
  const b = partOf(module, "lora_B.weight");
  return b && scaled(b, module.scale);
}

function alike(
  want: ArrayLike<number> | undefined,
  got: ArrayLike<number> | undefined,
  within = roundings,
): boolean {
  if (want === undefined || got === undefined) return want === got;
  if (want.length !== got.length) return false;
  for (let i = 0; i < want.length; i++)
    if (!(Math.abs((want[i] ?? 0) - (got[i] ?? 0)) <= within * Math.abs(want[i] ?? 0))) return false;
  return true;
}

/**
 * Loads a written adapter into the base model: what a program that plays it would have.
 *
 * @param magnitudes those of a DoRA, by module: they are held against what the model makes of a file in another convention.
 * @throws {AceError} ERR_CHECKPOINT where a tensor has no place or is missing.
 */
export async function loadBack(
  model: string,
  file: string,
  expected: { readonly tensors?: Tensors; readonly magnitudes?: ReadonlyMap<string, Float32Array> },
): Promise<LoadReport & { readonly model: string }> {
  const decoder = await Decoder.open(model);
  try {
    const { adapter, report } = await Adapter.load(decoder, file);
    try {
      const tensors = await adapter.tensors();
      if (expected.tensors !== undefined) compareBytes(tensors, expected.tensors, file);
      for (const [module, magnitudes] of expected.magnitudes ?? []) {
        const back = tensors[`base_model.model.${module}.lora_magnitude_vector`];
        // Divided by one norm and multiplied with another, each a float32 sum over a row.
        if (!alike(magnitudes, back && toFloat32(back), 1e-5))
          throw new AceError(
            "ERR_CHECKPOINT",
            `${file}: the magnitudes of ${module} do not come out as they were`,
          );
      }
    } finally {
      adapter.close();
    }
    if (report.missing.length + report.unexpected.length > 0) {
      throw new AceError(
        "ERR_CHECKPOINT",
        `${file}: does not fit ${model} (missing: ${report.missing.join(", ") || "none"}; unexpected: ${report.unexpected.join(", ") || "none"})`,
      );
    }
    return { ...report, model };
  } finally {
    decoder.close();
  }
}
