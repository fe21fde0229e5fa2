import { atOnce, type Work } from "./turns.js";

/** A dense matrix, row-major, float64. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

export function zeros(rows: number, columns: number): Matrix {
  return { rows, columns, data: new Float64Array(rows * columns) };
}

export function matrixOf(rows: number, columns: number, values: ArrayLike<number>): Matrix {
  if (values.length !== rows * columns)
    throw new RangeError(`${values.length} values are no ${rows} x ${columns} matrix`);
  return { rows, columns, data: Float64Array.from(values) };
}

/** a b at once: for small matrices. */
export function multiply(a: Matrix, b: Matrix): Matrix {
  return atOnce(product(a, b));
}

/** a b. Row by row over b's rows, so that memory is read in order. */
export function* product(a: Matrix, b: Matrix): Work<Matrix> {
  const out = zeros(a.rows, b.columns);
  for (let i = 0; i < a.rows; i++) {
    yield;
    const row = out.data.subarray(i * b.columns, (i + 1) * b.columns);
    for (let k = 0; k < a.columns; k++) {
      const factor = a.data[i * a.columns + k] as number;
      if (factor === 0) continue;
      const from = k * b.columns;
      for (let j = 0; j < row.length; j++)
        row[j] = (row[j] as number) + factor * (b.data[from + j] as number);
    }
  }
  return out;
}

export function transpose(a: Matrix): Matrix {
  const out = zeros(a.columns, a.rows);
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < a.columns; j++) out.data[j * a.rows + i] = a.data[i * a.columns + j] as number;
  return out;
}

export function scaled(a: Matrix, factor: number): Matrix {
  return { ...a, data: a.data.map((value) => value * factor) };
}

export function added(a: Matrix, b: Matrix): Matrix {
  return { ...a, data: a.data.map((value, i) => value + (b.data[i] as number)) };
}

export function subtracted(a: Matrix, b: Matrix): Matrix {
  return { ...a, data: a.data.map((value, i) => value - (b.data[i] as number)) };
}

/** Square root of the sum of squares. */
export function frobenius(a: Matrix): number {
  let sum = 0;
  for (const value of a.data) sum += value * value;
  return Math.sqrt(sum);
}

/** Length of each row. */
export function rowNorms(a: Matrix): Float64Array {
  return Float64Array.from({ length: a.rows }, (_, row) => {
    let sum = 0;
    for (let i = row * a.columns; i < (row + 1) * a.columns; i++) sum += (a.data[i] as number) ** 2;
    return Math.sqrt(sum);
  });
}

/** Each row times its own factor. */
export function scaledRows(a: Matrix, factors: ArrayLike<number>): Matrix {
  return { ...a, data: a.data.map((value, i) => value * (factors[Math.floor(i / a.columns)] as number)) };
}

/** The matrices below each other. */
export function stackedRows(parts: readonly Matrix[]): Matrix {
  const columns = parts[0]?.columns ?? 0;
  const out = zeros(
    parts.reduce((sum, part) => sum + part.rows, 0),
    columns,
  );
  let at = 0;
  for (const part of parts) {
    out.data.set(part.data, at);
    at += part.data.length;
  }
  return out;
}

/** The first `count` columns. */
export function firstColumns(a: Matrix, count: number): Matrix {
  const out = zeros(a.rows, count);
  for (let i = 0; i < a.rows; i++)
    out.data.set(a.data.subarray(i * a.columns, i * a.columns + count), i * count);
  return out;
}
