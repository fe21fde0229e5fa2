import { formatBytes } from "@acewright/core-native";
import type { MeasuredRow } from "@acewright/trainer";
import { renderTable, type Column } from "./table.js";
import { textWidth } from "./text-width.js";
import { formatCount, formatSignificant } from "./units.js";

/** A column, and what it tells of a row. */
interface Figure {
  readonly title: string;
  readonly of: (row: MeasuredRow) => string;
}

const length: Figure = { title: "audio", of: ({ audioS }) => `${Number(audioS.toFixed(1))} s` };

const pace: readonly Figure[] = [
  { title: "tokens/step", of: ({ tokens }) => formatCount(Math.round(tokens)) },
  { title: "step ms", of: ({ milliseconds }) => formatSignificant(milliseconds.median) },
  {
    title: "p10 to p90",
    of: ({ milliseconds: { p10, p90 } }) => `${formatSignificant(p10)} to ${formatSignificant(p90)}`,
  },
  { title: "steps/s", of: ({ stepsPerSecond }) => formatSignificant(stepsPerSecond) },
  { title: "tokens/s", of: ({ tokensPerSecond }) => formatCount(Math.round(tokensPerSecond)) },
  { title: "TFLOP/s", of: ({ teraflopsPerSecond }) => known(teraflopsPerSecond, formatSignificant) },
];

const share: Figure = {
  title: "of peak",
  of: ({ shareOfPeak }) => known(shareOfPeak, (value) => `${formatSignificant(100 * value)} %`),
};

const room: readonly Figure[] = [
  { title: "recompute", of: ({ recompute }) => recompute },
  { title: "planned", of: ({ memory }) => formatBytes(memory.planned.totalBytes) },
  { title: "measured", of: ({ memory }) => formatBytes(memory.measuredBytes) },
  { title: "loss", of: ({ firstLoss, lastLoss }) => `${firstLoss.toFixed(3)} to ${lastLoss.toFixed(3)}` },
];

/** A row a length, in one table where the terminal is wide enough, and else in two: times, then memory. */
export function benchTable(rows: readonly MeasuredRow[], cells: number): string {
  const shares = rows.some(({ shareOfPeak }) => shareOfPeak !== undefined) ? [share] : [];
  const whole = tableOf([length, ...pace, ...shares, ...room], rows);
  if (Math.max(...whole.split("\n").map(textWidth)) <= cells) return whole;
  return `${tableOf([length, ...pace, ...shares], rows)}\n\n${tableOf([length, ...room], rows)}`;
}

function tableOf(figures: readonly Figure[], rows: readonly MeasuredRow[]): string {
  const columns = figures.map(({ title }): Column => ({ title, align: "right" }));
  return renderTable(
    columns,
    rows.map((row) => figures.map(({ of }) => of(row))),
  );
}

function known(value: number | undefined, words: (value: number) => string): string {
  return value === undefined ? "-" : words(value);
}
