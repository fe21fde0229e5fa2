import { blue, cyan, green, magenta, plot, red, yellow } from "asciichart";
import picocolors from "picocolors";

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

/** A named curve over steps. */
export interface Series {
  readonly name: string;
  readonly points: readonly { readonly step: number; readonly value: number }[];
}

const paints = picocolors.createColors(true);
/** One colour a curve, in the chart's words and in the legend's. */
const palette = [
  [green, paints.green],
  [yellow, paints.yellow],
  [cyan, paints.cyan],
  [magenta, paints.magenta],
  [red, paints.red],
  [blue, paints.blue],
] as const;

/**
 * Several curves over the same steps: in one chart by colour, or one below the other where there are no colours. Their
 * steps and their values have one scale.
 *
 * @param columns width of the terminal
 */
export function renderCurves(series: readonly Series[], columns: number, color: boolean): string {
  const drawn = series.filter(({ points }) => points.length > 1);
  const steps = Math.max(0, ...drawn.map(({ points }) => points.at(-1)?.step ?? 0));
  const width = Math.max(10, columns - axisWidth);
  const lines = drawn.map(({ points }) => alongSteps(points, steps, width)).filter((line) => line.length > 1);
  if (lines.length === 0) return "";
  const look = {
    height: 10,
    min: Math.min(...lines.flat()),
    max: Math.max(...lines.flat()),
    format: (value: number) => value.toFixed(4).padStart(8),
  };
  const until = (i: number) => `to step ${drawn[i]?.points.at(-1)?.step ?? 0}`;
  if (!color) {
    return lines.map((line, i) => `${drawn[i]?.name ?? ""}, ${until(i)}\n${plot(line, look)}`).join("\n\n");
  }
  const paint = (i: number) => palette[i % palette.length] as (typeof palette)[number];
  const legend = drawn.map(({ name }, i) => `${paint(i)[1]("──")} ${name}, ${until(i)}`).join("   ");
  return `${plot(lines, { ...look, colors: lines.map((_, i) => paint(i)[0]) })}\n${legend}`;
}

/** The curve's value in each column that stands for a step it has reached; between points the one before holds. */
function alongSteps(points: Series["points"], steps: number, width: number): number[] {
  const last = points.at(-1)?.step ?? 0;
  const columns = Math.max(2, Math.round((width * last) / Math.max(1, steps)));
  let at = 0;
  return Array.from({ length: columns }, (_, column) => {
    const step = (last * column) / (columns - 1);
    while (at + 1 < points.length && (points[at + 1]?.step ?? Infinity) <= step) at += 1;
    return points[at]?.value ?? Number.NaN;
  }).filter((value) => Number.isFinite(value));
}
