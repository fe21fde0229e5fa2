import { toFloat32 } from "@acewright/core-native";
import { expect, test } from "vitest";
import { matrixOf } from "../../src/adapters/matrix.js";
import { roundMerged } from "../../src/export/rounding.js";

test("what bf16 leaves of a change is told: all, some, nothing; no change is whole", () => {
  const survival = (base: number[], merged: number[]) => {
    const { tensor, survival: told } = roundMerged("q", matrixOf(1, 2, base), matrixOf(1, 2, merged), "BF16");
    return { values: [...toFloat32(tensor)], ...told };
  };
  // Between 1 and 2 bf16 steps by 2^-7.
  expect(survival([1, 1], [1 + 2 ** -7, 1])).toMatchObject({ kept: 1, noise: 0 });
  expect(survival([1, 1], [1 + 2 ** -9, 1])).toMatchObject({ values: [1, 1], kept: 0, noise: 1 });
  const some = survival([1, 1], [1 + 2 ** -6, 1 + 2 ** -9]);
  expect(some).toMatchObject({ values: [1 + 2 ** -6, 1], kept: 64 / 65 });
  expect(some.noise).toBeCloseTo(Math.sqrt(1 / 65), 12);
  expect(survival([1, 2], [1, 2])).toMatchObject({ values: [1, 2], kept: 1, noise: 0 });
});
