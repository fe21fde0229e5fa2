import { setImmediate as turn } from "node:timers/promises";
import { matrixOf, zeros } from "../adapters/matrix.js";
import { svd } from "../adapters/svd.js";
import { inTurns } from "../adapters/turns.js";
import { randomStream } from "../plan/counter-random.js";

/** Share of the energy (the sum of squared singular values) that the effective rank holds. */
const energyShare = 0.95;
/** Up to this size every singular value is computed; above, their distribution is estimated. */
const exactUpTo = 48;
/** Start vectors: three of a large matrix, more of a small one, whose traces scatter more from one to the next. */
const probesFor = (side: number) => Math.max(3, Math.ceil(1024 / side));
const lanczosSteps = 32;
/** Multiplications between two turns of the event loop: a millisecond or two. */
const turnEvery = 2_000_000;

/**
 * How many singular values of `values` [rows, columns] hold 95 % of its energy. Of a large matrix the distribution of its
 * squared singular values is estimated by stochastic Lanczos quadrature (Golub & Meurant 2010; Ubaru, Chen & Saad 2017),
 * which needs a hundred products with the matrix instead of a decomposition; the estimate is within a few per cent and the
 * same each time.
 */
export async function effectiveRank(values: Float32Array, rows: number, columns: number): Promise<number> {
  const side = Math.min(rows, columns);
  if (side <= exactUpTo) {
    const { s } = await inTurns(svd(matrixOf(rows, columns, values)));
    return ranksWithin(Array.from(s, (value) => ({ eigenvalue: value * value, count: 1 })));
  }
  const nodes: Node[] = [];
  const probes = probesFor(side);
  for (let probe = 0; probe < probes; probe++) {
    const next = randomStream(probe, "order", rows, columns);
    const start = Float64Array.from({ length: side }, () => (next() < 0.5 ? -1 : 1) / Math.sqrt(side));
    for (const { eigenvalue, count } of await lanczos(values, { rows, columns }, start))
      nodes.push({ eigenvalue, count: (count * side) / probes });
  }
  return Math.max(1, Math.round(ranksWithin(nodes)));
}

/** So many squared singular values at one place. */
interface Node {
  readonly eigenvalue: number;
  readonly count: number;
}

function ranksWithin(nodes: readonly Node[]): number {
  const falling = [...nodes].sort((a, b) => b.eigenvalue - a.eigenvalue);
  const wanted = energyShare * falling.reduce((sum, { eigenvalue, count }) => sum + eigenvalue * count, 0);
  let [held, rank] = [0, 0];
  for (const { eigenvalue, count } of falling) {
    const energy = eigenvalue * count;
    // A matrix of zeros has no energy to hold.
    if (energy === 0) break;
    if (held + energy >= wanted) return rank + (count === 1 ? 1 : (count * (wanted - held)) / energy);
    held += energy;
    rank += count;
  }
  return Math.max(1, rank);
}

/** Ritz values of W W^T (or W^T W, whichever is smaller) from one start vector, with their weights, which add up to one. */
async function lanczos(
  values: Float32Array,
  shape: { rows: number; columns: number },
  start: Float64Array,
): Promise<Node[]> {
  const basis = [start];
  const [diagonal, beside]: [number[], number[]] = [[], []];
  for (let step = 0; step < Math.min(lanczosSteps, start.length); step++) {
    const w = await square(values, shape, basis[step] as Float64Array);
    diagonal.push(dot(w, basis[step] as Float64Array));
    // Twice: once leaves what rounding brings back.
    for (let pass = 0; pass < 2; pass++) {
      for (const v of basis) {
        const along = dot(w, v);
        for (let i = 0; i < w.length; i++) w[i] = (w[i] as number) - along * (v[i] as number);
      }
    }
    const length = Math.sqrt(dot(w, w));
    if (length <= 1e-12 * Math.max(...diagonal)) break;
    beside.push(length);
    basis.push(w.map((value) => value / length));
  }
  const size = diagonal.length;
  const t = zeros(size, size);
  for (let i = 0; i < size; i++) {
    t.data[i * size + i] = diagonal[i] as number;
    if (i + 1 < size) t.data[i * size + i + 1] = t.data[(i + 1) * size + i] = beside[i] as number;
  }
  // Positive semidefinite: its singular values are its eigenvalues.
  const { s, v } = await inTurns(svd(t));
  return Array.from(s, (eigenvalue, i) => ({ eigenvalue, count: (v.data[i] ?? 0) ** 2 }));
}

/** W (W^T v) for v as long as W has rows, W^T (W v) for one as long as it has columns. */
async function square(
  values: Float32Array,
  { rows, columns }: { rows: number; columns: number },
  v: Float64Array,
): Promise<Float64Array> {
  const byRows = v.length === rows && rows <= columns;
  if (byRows) return await times(values, columns, await timesTransposed(values, columns, v));
  return await timesTransposed(values, columns, await times(values, columns, v));
}

/** W x. */
async function times(w: Float32Array, columns: number, x: Float64Array): Promise<Float64Array> {
  const out = new Float64Array(w.length / columns);
  for (let row = 0, work = 0; row < out.length; row++, work += columns) {
    if (work > turnEvery) {
      await turn();
      work = 0;
    }
    let sum = 0;
    for (let i = 0, at = row * columns; i < columns; i++, at++) sum += (w[at] as number) * (x[i] as number);
    out[row] = sum;
  }
  return out;
}

/** W^T y. */
async function timesTransposed(w: Float32Array, columns: number, y: Float64Array): Promise<Float64Array> {
  const out = new Float64Array(columns);
  for (let row = 0, work = 0; row < y.length; row++, work += columns) {
    if (work > turnEvery) {
      await turn();
      work = 0;
    }
    const factor = y[row] as number;
    for (let i = 0, at = row * columns; i < columns; i++, at++)
      out[i] = (out[i] as number) + factor * (w[at] as number);
  }
  return out;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
