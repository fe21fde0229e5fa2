import type { DeviceInfo } from "@acewright/core-native";

/** Dense bf16 products with float32 sums in TFLOP/s, as NVIDIA's data sheets tell them; names as the driver gives them. */
const dataSheets: readonly (readonly [name: RegExp, teraflops: number])[] = [
  [/^NVIDIA A100\b/, 312],
  [/^NVIDIA H100 PCIe$/, 756],
  [/^NVIDIA H100 80GB HBM3$/, 989],
  [/^NVIDIA H200$/, 989],
  [/^NVIDIA L40S$/, 362],
  [/^NVIDIA GeForce RTX 3090$/, 71],
  [/^NVIDIA GeForce RTX 4090$/, 165],
];

/** The rate a data sheet promises, or undefined where none is known here: nothing is guessed from a name. */
export function dataSheetTeraflops({
  name,
  description,
}: Pick<DeviceInfo, "name" | "description">): number | undefined {
  if (name === "cpu") return undefined;
  return dataSheets.find(([pattern]) => pattern.test(description))?.[1];
}
