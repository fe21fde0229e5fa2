import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { formatNumber } from "../tools/format.js";
import { t } from "../words/words.js";

/** A line of a chart. */
export interface ChartLine {
  readonly label: string;
  /** A CSS variable of the theme: `--accent`. */
  readonly color: string;
  readonly width?: number;
  /** Points alone, for numbers that are few. */
  readonly points?: boolean;
}

export interface ChartProps {
  /** What it shows, for who cannot see it. */
  readonly title: string;
  readonly lines: readonly ChartLine[];
  /** Steps, then a column for each line. */
  readonly data: readonly (readonly (number | null)[])[];
  readonly logarithmic?: boolean;
  readonly height?: number;
}

/** Lines over steps. Drag to look closer, double click to see all again. */
export function Chart({ title, lines, data, logarithmic = false, height = 260 }: ChartProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const looks = JSON.stringify([lines, logarithmic, height, document.documentElement.dataset["theme"]]);
  useEffect(() => {
    const box = place.current;
    if (box === null) return undefined;
    const style = getComputedStyle(document.documentElement);
    const color = (name: string): string => style.getPropertyValue(name).trim();
    const axis = {
      stroke: color("--quiet"),
      grid: { stroke: color("--line"), width: 1 },
      ticks: { show: false },
    };
    // uPlot's own constant for it is of types alone: 3 is logarithmic.
    const vertical: object = logarithmic ? { distr: 3 } : {};
    const drawn = new uPlot(
      {
        width: Math.max(200, box.clientWidth),
        height,
        scales: { x: { time: false }, y: vertical },
        axes: [
          { ...axis, size: 34 },
          { ...axis, size: 60, values: (_, ticks) => ticks.map(tickWords) },
        ],
        series: [
          { label: t("step") },
          ...lines.map(({ label, color: name, width = 1.5, points = false }) => ({
            label,
            stroke: color(name),
            width: points ? 0 : width,
            spanGaps: !points,
            points: { show: points, size: 6, fill: color(name) },
            value: (_: uPlot, value: number | null) => (value === null ? "–" : formatNumber(value)),
          })),
        ],
        cursor: { y: false },
      },
      data as unknown as uPlot.AlignedData,
      box,
    );
    chart.current = drawn;
    const watch = new ResizeObserver(() => {
      drawn.setSize({ width: Math.max(200, box.clientWidth), height });
    });
    watch.observe(box);
    return () => {
      watch.disconnect();
      drawn.destroy();
    };
  }, [looks]);
  useEffect(() => {
    const drawn = chart.current;
    if (drawn === undefined) return;
    // Who looks closer at a part goes on looking at it while numbers come in.
    const { min, max } = drawn.scales["x"] ?? {};
    const [steps] = drawn.data;
    const isClose =
      typeof min === "number" &&
      typeof max === "number" &&
      (min > (steps[0] ?? 0) || max < (steps.at(-1) ?? 0));
    drawn.setData(data as unknown as uPlot.AlignedData, !isClose);
    if (isClose) drawn.setScale("x", { min, max });
  }, [data, looks]);
  return <div class="chart" role="img" aria-label={title} ref={place} />;
}

/** 0.5 rather than 0.5000: ticks are round numbers. */
function tickWords(tick: number | null): string {
  if (tick === null) return "";
  return tick === 0 || Math.abs(tick) >= 0.001 ? String(Number(tick.toPrecision(4))) : tick.toExponential();
}
