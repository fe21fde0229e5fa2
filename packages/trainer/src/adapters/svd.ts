import { firstColumns, frobenius, product, scaledRows, transpose, zeros, type Matrix } from "./matrix.js";
import type { Work } from "./turns.js";

/** a = u diag(s) v^T, s falling; u [rows, k], v [columns, k]. */
export interface Svd {
  readonly u: Matrix;
  readonly s: Float64Array;
  readonly v: Matrix;
}

/**
 * An orthonormal basis of a's columns, and r with a = q r (Gram-Schmidt, twice: once loses orthogonality). Columns that depend
 * on those before them become zero, so that a rank-deficient a is no special case.
 */
export function* qr(a: Matrix): Work<{ q: Matrix; r: Matrix }> {
  const count = a.columns;
  const columns = transpose(a); // a column is then a row, in order in memory
  const r = zeros(count, count);
  const row = (k: number) => columns.data.subarray(k * a.rows, (k + 1) * a.rows);
  for (let k = 0; k < count; k++) {
    yield;
    const mine = row(k);
    const before = length(mine);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < k; j++) {
        const other = row(j);
        const along = dot(other, mine);
        r.data[j * count + k] = (r.data[j * count + k] as number) + along;
        for (let i = 0; i < mine.length; i++) mine[i] = (mine[i] as number) - along * (other[i] as number);
      }
    }
    const after = length(mine);
    const dependent = after <= 1e-14 * before;
    r.data[k * count + k] = dependent ? 0 : after;
    for (let i = 0; i < mine.length; i++) mine[i] = dependent ? 0 : (mine[i] as number) / after;
  }
  return { q: transpose(columns), r };
}

/** Sweeps after which Jacobi's rotations have met any matrix of float64 numbers; it takes six to ten. */
const maxSweeps = 60;

/** One-sided Jacobi (Hestenes): columns are rotated in pairs until all are orthogonal. For small matrices. */
export function* svd(a: Matrix): Work<Svd> {
  if (a.rows < a.columns) {
    const { u, s, v } = yield* svd(transpose(a));
    return { u: v, s, v: u };
  }
  const count = a.columns;
  const work = transpose(a);
  const turns = zeros(count, count);
  for (let i = 0; i < count; i++) turns.data[i * count + i] = 1;
  // Columns this short are rounding: they turn for ever, and mean nothing.
  const nothing = 1e-15 * length(work.data);
  for (let sweep = 0, turned = true; turned; sweep++) {
    if (sweep === maxSweeps) throw new Error(`the SVD of ${a.rows} x ${a.columns} has not settled`);
    turned = false;
    for (let p = 0; p < count - 1; p++) {
      yield;
      for (let q = p + 1; q < count; q++) turned = rotate(work, turns, p, q, nothing) || turned;
    }
  }
  return sorted(work, turns);
}

/** Makes rows p and q of `work` orthogonal; true where they were not. */
function rotate(work: Matrix, turns: Matrix, p: number, q: number, nothing: number): boolean {
  const row = (m: Matrix, i: number) => m.data.subarray(i * m.columns, (i + 1) * m.columns);
  const [x, y] = [row(work, p), row(work, q)];
  const [xx, yy, xy] = [dot(x, x), dot(y, y), dot(x, y)];
  const [long, short] = [Math.sqrt(Math.max(xx, yy)), Math.sqrt(Math.min(xx, yy))];
  if (short <= nothing || Math.abs(xy) <= 1e-14 * long * short) return false;
  const zeta = (yy - xx) / (2 * xy);
  const tangent = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
  const cosine = 1 / Math.sqrt(1 + tangent * tangent);
  for (const [first, second] of [
    [x, y],
    [row(turns, p), row(turns, q)],
  ] as const) {
    for (let i = 0; i < first.length; i++) {
      const [one, two] = [first[i] as number, second[i] as number];
      first[i] = cosine * (one - tangent * two);
      second[i] = cosine * (tangent * one + two);
    }
  }
  return true;
}

/** Singular values are the lengths of the orthogonal rows; the largest comes first. */
function sorted(work: Matrix, turns: Matrix): Svd {
  const lengths = Array.from({ length: work.rows }, (_, i) =>
    length(work.data.subarray(i * work.columns, (i + 1) * work.columns)),
  );
  const order = lengths.map((_, i) => i).sort((a, b) => (lengths[b] as number) - (lengths[a] as number));
  const u = zeros(work.rows, work.columns);
  const v = zeros(turns.rows, turns.columns);
  order.forEach((from, to) => {
    const size = lengths[from] as number;
    for (let i = 0; i < work.columns; i++)
      u.data[to * work.columns + i] = size === 0 ? 0 : (work.data[from * work.columns + i] as number) / size;
    v.data.set(turns.data.subarray(from * turns.columns, (from + 1) * turns.columns), to * turns.columns);
  });
  return { u: transpose(u), s: Float64Array.from(order, (i) => lengths[i] as number), v: transpose(v) };
}

/** The SVD of b a without forming it: only matrices of the inner size are decomposed. b [out, r], a [r, in]. */
export function* svdOfProduct(b: Matrix, a: Matrix): Work<Svd> {
  // A factor wider than it is high gains nothing from qr.
  if (b.rows < b.columns || a.columns < a.rows) return yield* svd(yield* product(b, a));
  const left = yield* qr(b);
  const right = yield* qr(transpose(a));
  const inner = yield* svd(yield* product(left.r, transpose(right.r)));
  return { u: yield* product(left.q, inner.u), s: inner.s, v: yield* product(right.q, inner.v) };
}

/**
 * The `rank` largest singular values and vectors of a large matrix, by a random range finder with power iterations
 * (Halko, Martinsson, Tropp 2011). Where rank is no smaller than the matrix, the SVD itself.
 *
 * Iterated until one more holds hardly more of what is left out: then the error is within 1e-4 of the least there is,
 * also where all values are alike (a random matrix); where they fall fast, two or three are enough.
 */
export function* leadingSvd(a: Matrix, rank: number, oversampling = 10): Work<Svd> {
  const size = Math.min(a.rows, a.columns);
  const width = rank + oversampling;
  if (width >= size) return truncated(yield* svd(a), Math.min(rank, size));
  const t = transpose(a);
  let basis = (yield* qr(yield* product(a, noise(a.columns, width)))).q;
  let projected = yield* qr(yield* product(t, basis)); // a^T basis = q r, so a ~ basis r^T q^T
  const total = frobenius(a) ** 2;
  for (let i = 0; i < mostIterations; i++) {
    const held = frobenius(projected.r) ** 2;
    basis = (yield* qr(yield* product(a, projected.q))).q;
    projected = yield* qr(yield* product(t, basis));
    const gained = frobenius(projected.r) ** 2 - held;
    if (gained <= worthGaining * Math.max(total - held, 1e-12 * total)) break;
  }
  const inner = yield* svd(transpose(projected.r));
  return truncated(
    { u: yield* product(basis, inner.u), s: inner.s, v: yield* product(projected.q, inner.v) },
    rank,
  );
}

/** Share of the squares left out that is worth another iteration, and how many there are at most. */
const worthGaining = 5e-4;
const mostIterations = 40;

export function truncated({ u, s, v }: Svd, rank: number): Svd {
  return { u: firstColumns(u, rank), s: s.slice(0, rank), v: firstColumns(v, rank) };
}

/** Factors b [out, rank], a [rank, in] of the best approximation of that rank; each takes the root of the values. */
export function balancedFactors(decomposition: Svd, rank: number): { b: Matrix; a: Matrix } {
  const { u, s, v } = truncated(decomposition, rank);
  const roots = s.map((value) => Math.sqrt(value));
  return { b: transpose(scaledRows(transpose(u), roots)), a: scaledRows(transpose(v), roots) };
}

/** The smallest rank whose singular values hold `share` of the sum of all squares (`total`). */
export function rankForEnergy(s: Float64Array, share: number, total: number): number {
  let held = 0;
  for (let i = 0; i < s.length; i++) {
    held += (s[i] as number) ** 2;
    if (held >= share * total) return i + 1;
  }
  return s.length;
}

/** Numbers in (-1, 1) from a fixed start: the same matrix gives the same result everywhere. */
function noise(rows: number, columns: number): Matrix {
  const out = zeros(rows, columns);
  let state = 0x9e3779b9;
  for (let i = 0; i < out.data.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out.data[i] = (state | 0) / 2 ** 31;
  }
  return out;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function length(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}
