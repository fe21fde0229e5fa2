import { plot } from "asciichart";

/** Room for the axis: `  0.1234 ┤`. */
const axisWidth = 11;

export interface ChartLook {
  /** Lines of the drawing. */
  readonly height?: number;
  /** A value of the axis, in at most 8 characters. */
  readonly format?: (value: number) => string;
}

/**
 * A curve for a terminal: so many values that they do not fit are averaged in equal runs.
 *
 * @param columns width of the terminal
 */
export function renderChart(
  values: readonly number[],
  columns: number,
  { height = 10, format = (value) => value.toFixed(4) }: ChartLook = {},
): string {
  const finite = values.filter((value) => Number.isFinite(value));
  const width = Math.max(10, columns - axisWidth);
  const points = finite.length <= width ? finite : averaged(finite, width);
  if (points.length < 2) return "";
  return plot(points, { height, format: (value: number) => format(value).padStart(8) });
}

/** The learning rate over a run, one point a column. */
export function renderLearningRate(
  courseOf: (step: number) => number,
  steps: number,
  columns: number,
): string {
  const count = Math.min(steps, Math.max(10, columns - axisWidth));
  const rates = Array.from({ length: count }, (_, i) => courseOf(Math.floor((i * steps) / count)));
  return renderChart(rates, columns, { height: 6, format: (rate) => rate.toExponential(1) });
}

function averaged(values: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const run = values.slice(
      Math.floor((i * values.length) / count),
      Math.floor(((i + 1) * values.length) / count),
    );
    return run.reduce((sum, value) => sum + value, 0) / run.length;
  });
}
