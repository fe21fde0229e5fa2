import { fromFloat32, toFloat32, type HostTensor } from "@acewright/core-native";
import type { Matrix } from "../adapters/matrix.js";

/** How much of an adapter's change to one module is left after rounding to the checkpoint's dtype. */
export interface ModuleSurvival {
  readonly name: string;
  /** Part of the change that is there along its own direction: <rounded change, change> / <change, change>; 1 is all. */
  readonly kept: number;
  /** ||rounded change - change|| / ||change||: what rounding added as noise. */
  readonly noise: number;
}

/** W' in the dtype of W, and what rounding did to W' - W. A module that is not changed keeps all. */
export function roundMerged(
  name: string,
  base: Matrix,
  merged: Matrix,
  dtype: "F32" | "BF16",
): { tensor: HostTensor; survival: ModuleSurvival } {
  const tensor = fromFloat32(Float32Array.from(merged.data), [merged.rows, merged.columns], dtype);
  const rounded = toFloat32(tensor);
  let [square, along, off] = [0, 0, 0];
  for (let i = 0; i < rounded.length; i++) {
    const weight = base.data[i] as number;
    const change = (merged.data[i] as number) - weight;
    const left = (rounded[i] as number) - weight;
    square += change * change;
    along += left * change;
    off += (left - change) ** 2;
  }
  const survival =
    square === 0 ? { kept: 1, noise: 0 } : { kept: along / square, noise: Math.sqrt(off / square) };
  return { tensor, survival: { name, ...survival } };
}
