import { plot } from "asciichart";

const height = 10;
/** Room for the axis: `  0.1234 ┤`. */
const axisWidth = 11;

/**
 * A curve for a terminal: so many values that they do not fit are averaged in equal runs.
 *
 * @param columns width of the terminal
 */
export function renderChart(values: readonly number[], columns: number): string {
  const finite = values.filter((value) => Number.isFinite(value));
  const width = Math.max(10, columns - axisWidth);
  const points = finite.length <= width ? finite : averaged(finite, width);
  if (points.length < 2) return "";
  return plot(points, { height, format: (value: number) => value.toFixed(4).padStart(8) });
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
