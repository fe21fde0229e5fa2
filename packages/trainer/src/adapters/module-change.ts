import { AceError } from "@acewright/core-native";
import { added, multiply, rowNorms, scaled, scaledRows, subtracted, zeros, type Matrix } from "./matrix.js";
import { magnitudesOf, partOf, type OpenedModule } from "./opened-adapter.js";

/** LyCORIS adds float32's epsilon to the norms it divides by; PEFT adds nothing. */
const epsilon = 2 ** -23;

/** What is added to W before any decomposition: a product b a, or a matrix where no thin product makes it. */
export type AddedChange =
  | { readonly form: "product"; readonly b: Matrix; readonly a: Matrix }
  | { readonly form: "matrix"; readonly matrix: Matrix };

/**
 * The change of one module, scale included: LoRA s B A, LoKr s (w1 kron w2), LoHa s (w1_a w1_b) o (w2_a w2_b).
 *
 * @throws {AceError} ERR_CHECKPOINT naming the part that is missing or does not fit.
 */
export function addedChange(module: OpenedModule): AddedChange {
  const { parts, scale } = module;
  if (parts.has("lora_A.weight") || parts.has("lora_B.weight")) {
    const [b, a] = [needed(module, "lora_B.weight"), needed(module, "lora_A.weight")];
    fits(module, b, a);
    return { form: "product", b: scaled(b, scale), a };
  }
  if (parts.has("hada_w1_b")) {
    const one = product(module, "hada_w1_a", "hada_w1_b");
    const two = product(module, "hada_w2_a", "hada_w2_b");
    const data = one.data.map((value, i) => scale * value * (two.data[i] ?? Number.NaN));
    return { form: "matrix", matrix: { ...one, data } };
  }
  const one = partOf(module, "lokr_w1") ?? product(module, "lokr_w1_a", "lokr_w1_b");
  const two = partOf(module, "lokr_w2") ?? product(module, "lokr_w2_a", "lokr_w2_b");
  return { form: "matrix", matrix: kronecker(scaled(one, scale), two) };
}

export function asMatrix(change: AddedChange): Matrix {
  return change.form === "matrix" ? change.matrix : multiply(change.b, change.a);
}

/**
 * W' of one module: W + strength (W1 - W), W1 = W + change, its rows brought to the magnitudes where there are any.
 *
 * @param weight W [out, in].
 * @throws {AceError} ERR_CHECKPOINT where module and weight have different shapes.
 */
export function mergedWeight(module: OpenedModule, weight: Matrix, strength = 1): Matrix {
  const change = asMatrix(addedChange(module));
  if (change.rows !== weight.rows || change.columns !== weight.columns) {
    throw new AceError(
      "ERR_CHECKPOINT",
      `${module.name}: the adapter changes [${change.rows}, ${change.columns}], the model's weight is [${weight.rows}, ${weight.columns}]`,
    );
  }
  const magnitudes = magnitudesOf(module);
  if (magnitudes === undefined) return added(weight, scaled(change, strength));
  const sum = added(weight, change);
  const peft = module.parts.has("lora_magnitude_vector");
  const norms = rowNorms(sum);
  const factors = norms.map((norm, row) => (magnitudes[row] ?? Number.NaN) / (norm + (peft ? 0 : epsilon)));
  const whole = scaledRows(sum, factors);
  return strength === 1 ? whole : added(weight, scaled(subtracted(whole, weight), strength));
}

/** All that a module does to W: W' - W. Needs W only where rows are scaled. */
export function wholeChange(module: OpenedModule, weight: () => Matrix): AddedChange {
  if (magnitudesOf(module) === undefined) return addedChange(module);
  const base = weight();
  return { form: "matrix", matrix: subtracted(mergedWeight(module, base), base) };
}

/** Magnitudes for a client that divides rows by ||W|| where ours divides by ||W + change||: the result is the same. */
export function magnitudesOverBase(module: OpenedModule, weight: Matrix): Float32Array {
  const magnitudes = magnitudesOf(module) ?? new Float32Array(weight.rows);
  const changed = rowNorms(added(weight, asMatrix(addedChange(module))));
  const base = rowNorms(weight);
  return magnitudes.map((value, row) => (value * (base[row] ?? 0)) / (changed[row] ?? 1));
}

function needed(module: OpenedModule, part: string): Matrix {
  const matrix = partOf(module, part);
  if (matrix === undefined) throw new AceError("ERR_CHECKPOINT", `${module.name}: lacks ${part}`);
  return matrix;
}

function product(module: OpenedModule, left: string, right: string): Matrix {
  const [a, b] = [needed(module, left), needed(module, right)];
  fits(module, a, b);
  return multiply(a, b);
}

function fits(module: OpenedModule, left: Matrix, right: Matrix): void {
  if (left.columns === right.rows) return;
  throw new AceError(
    "ERR_CHECKPOINT",
    `${module.name}: factors [${left.rows}, ${left.columns}] and [${right.rows}, ${right.columns}] do not fit`,
  );
}

function kronecker(one: Matrix, two: Matrix): Matrix {
  const out = zeros(one.rows * two.rows, one.columns * two.columns);
  for (let i = 0; i < one.rows; i++)
    for (let j = 0; j < one.columns; j++) {
      const factor = one.data[i * one.columns + j] as number;
      for (let k = 0; k < two.rows; k++) {
        const to = (i * two.rows + k) * out.columns + j * two.columns;
        for (let l = 0; l < two.columns; l++)
          out.data[to + l] = factor * (two.data[k * two.columns + l] as number);
      }
    }
  return out;
}
