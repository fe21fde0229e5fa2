import { textWidth } from "./text-width.js";

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** Said behind the bar. */
  readonly note: string;
}

/**
 * Rows with a bar each, as long as the value over the largest.
 *
 * @param columns width of the terminal
 */
export function renderBars(bars: readonly Bar[], columns: number): string {
  const names = Math.max(0, ...bars.map(({ name }) => textWidth(name)));
  const notes = Math.max(0, ...bars.map(({ note }) => textWidth(note)));
  const room = Math.min(40, Math.max(5, columns - names - notes - 14));
  const most = Math.max(...bars.map(({ value }) => value));
  return bars
    .map(({ name, value, note }) => {
      const length = most > 0 ? Math.max(1, Math.round((value / most) * room)) : 0;
      return `${name.padEnd(names)}  ${"█".repeat(length).padEnd(room)}  ${value.toExponential(2)}  ${note}`.trimEnd();
    })
    .join("\n");
}
