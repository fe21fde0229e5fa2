import { expect, test } from "vitest";
import {
  frobenius,
  matrixOf,
  multiply,
  scaled,
  subtracted,
  transpose,
  zeros,
} from "../../src/adapters/matrix.js";
import type { Matrix } from "../../src/adapters/matrix.js";
import { balancedFactors, rankForEnergy, type Svd } from "../../src/adapters/svd.js";
import { leadingSvd, qr, svd, svdOfProduct } from "./at-once.js";

let state = 1;
/** Numbers in (-1, 1) that repeat from run to run. */
function random(rows: number, columns: number): Matrix {
  return matrixOf(
    rows,
    columns,
    Array.from({ length: rows * columns }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return state / 2 ** 31;
    }),
  );
}

function diagonal(values: ArrayLike<number>): Matrix {
  const out = zeros(values.length, values.length);
  for (let i = 0; i < values.length; i++) out.data[i * values.length + i] = values[i] as number;
  return out;
}

const rebuilt = ({ u, s, v }: Svd) => multiply(multiply(u, diagonal(s)), transpose(v));
const distance = (a: Matrix, b: Matrix) => frobenius(subtracted(a, b)) / (frobenius(b) || 1);
const orthonormal = (a: Matrix) =>
  distance(multiply(transpose(a), a), diagonal(Array(a.columns).fill(1) as number[]));

test.each([
  [1, 1],
  [1, 7],
  [7, 1],
  [2, 3],
  [13, 13],
  [31, 17],
  [17, 31],
])("the SVD of a %i x %i matrix rebuilds it from orthonormal vectors, values falling", (rows, columns) => {
  const a = random(rows, columns);
  const found = svd(a);
  expect(distance(rebuilt(found), a)).toBeLessThan(1e-13);
  expect(orthonormal(found.u)).toBeLessThan(1e-13);
  expect(orthonormal(found.v)).toBeLessThan(1e-13);
  expect([...found.s]).toEqual([...found.s].sort((x, y) => y - x));
});

test("singular values of a matrix that is known are those", () => {
  const [u, v] = [qr(random(12, 5)).q, qr(random(9, 5)).q];
  const values = [4, 2, 1, 1e-3, 1e-6];
  const a = multiply(multiply(u, diagonal(values)), transpose(v));
  svd(a)
    .s.slice(0, 5)
    .forEach((value, i) => {
      expect(Math.abs(value - (values[i] as number))).toBeLessThan(1e-13);
    });
});

test("a rank-deficient matrix and a zero one have zeros for values and no NaN", () => {
  const a = multiply(random(10, 2), random(2, 8));
  const found = svdOfProduct(a, random(8, 9));
  expect([...found.s].slice(2).every((value) => value < 1e-13)).toBe(true);
  expect([...svd(zeros(4, 3)).s]).toEqual([0, 0, 0]);
  expect([...svdOfProduct(zeros(6, 3), random(3, 5)).s]).toEqual([0, 0, 0]);
  expect([...balancedFactors(svd(zeros(4, 3)), 2).b.data].every((value) => value === 0)).toBe(true);
});

test.each([
  [40, 4, 30],
  [3, 5, 40],
  [40, 5, 3],
  [1, 1, 1],
])("a product [%i x %i] [.. x %i] is decomposed without being formed", (out, rank, into) => {
  const [b, a] = [random(out, rank), random(rank, into)];
  const whole = multiply(b, a);
  expect(distance(rebuilt(svdOfProduct(b, a)), whole)).toBeLessThan(1e-13);
});

test("rank 64 to 32 is as good as the best rank-32 matrix", () => {
  const [b, a] = [random(96, 64), random(64, 80)];
  const whole = multiply(b, a);
  const all = svd(whole).s;
  const best = Math.sqrt(all.slice(32).reduce((sum, value) => sum + value * value, 0));
  const cut = balancedFactors(svdOfProduct(b, a), 32);
  const error = frobenius(subtracted(multiply(cut.b, cut.a), whole));
  expect(Math.abs(error - best) / best).toBeLessThan(1e-12);
});

test("the leading values of a large matrix are found, also where they fall slowly", () => {
  // Values 1, 0.93, 0.87, ...: the gap that the power iterations widen is small.
  const size = 120;
  const values = Array.from({ length: size }, (_, i) => 0.93 ** i);
  const a = multiply(multiply(qr(random(150, size)).q, diagonal(values)), transpose(qr(random(130, size)).q));
  const found = leadingSvd(a, 20);
  const best = Math.sqrt(values.slice(20).reduce((sum, value) => sum + value * value, 0));
  const error = frobenius(subtracted(rebuilt(found), a));
  expect(error / best - 1).toBeLessThan(1e-4);
  found.s.forEach((value, i) => {
    expect(Math.abs(value - (values[i] as number))).toBeLessThan(1e-4);
  });
});

test("the rank for a share of the energy is the smallest that holds it", () => {
  const s = Float64Array.from([3, 2, 1]);
  expect([0.5, 0.64, 0.65, 0.92, 0.93, 1].map((share) => rankForEnergy(s, share, 14))).toEqual([
    1, 1, 2, 2, 3, 3,
  ]);
});

test("a scaled matrix has scaled values", () => {
  const a = random(6, 4);
  const [one, three] = [svd(a).s, svd(scaled(a, 3)).s];
  one.forEach((value, i) => {
    expect(three[i]).toBeCloseTo(3 * value, 12);
  });
});
