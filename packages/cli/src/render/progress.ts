import type picocolors from "picocolors";
import type { Terminal } from "../terminal.js";
import { fitWidth, textWidth } from "./table.js";
import { formatDuration } from "./units.js";

const widestBar = 28;
const narrowestBar = 8;
const redrawMs = 80;
/** Weight of the newest rate in the running average: forgets the slow first item after about five more. */
const newestWeight = 0.3;
/** Steps that arrive in one burst say nothing about the pace. */
const shortestMs = 50;

/** Where a bar is drawn, and whether it is. */
export interface BarOutput {
  readonly terminal: Terminal;
  readonly draws: boolean;
  readonly colors: ReturnType<typeof picocolors.createColors>;
  say(line: string): void;
}

/** A bar with rate and time left. Draws only where its output draws; otherwise one line when it is done. */
export class Progress {
  private readonly output: BarOutput;
  private readonly what: string;
  private readonly unit: string;
  private readonly startMs = performance.now();
  private lastChangeMs = this.startMs;
  private lastDrawMs = -Infinity;
  private done = 0;
  private secondsPerUnit: number | undefined;

  constructor(output: BarOutput, what: string, unit: string) {
    this.output = output;
    this.what = what;
    this.unit = unit;
  }

  /**
   * @param done may be a fraction: a bar that moves inside one song
   * @param remark whatever is worth seeing beside the bar: a loss, a file name
   */
  update(done: number, total: number, remark = ""): void {
    const now = performance.now();
    if (done > this.done && now - this.lastChangeMs >= shortestMs) {
      const newest = (now - this.lastChangeMs) / 1000 / (done - this.done);
      this.secondsPerUnit =
        this.secondsPerUnit === undefined
          ? newest
          : newestWeight * newest + (1 - newestWeight) * this.secondsPerUnit;
      this.done = done;
      this.lastChangeMs = now;
    }
    if (!this.output.draws || (now - this.lastDrawMs < redrawMs && done < total)) return;
    this.lastDrawMs = now;
    this.draw(done, total, remark);
  }

  /** Removes the bar and leaves one line behind. */
  finish(summary = ""): void {
    const took = formatDuration((performance.now() - this.startMs) / 1000);
    this.clear();
    this.output.say(`${this.output.colors.green("done")} ${this.what}${summary && `: ${summary}`} (${took})`);
  }

  /** Removes the bar, for words that must stand on a line of their own. */
  clear(): void {
    if (this.lastDrawMs > -Infinity) this.output.terminal.err("\r\x1b[2K");
    this.lastDrawMs = -Infinity;
  }

  private draw(done: number, total: number, remark: string): void {
    const { colors, terminal } = this.output;
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const pace = this.secondsPerUnit === undefined ? "" : this.pace(total - done, this.secondsPerUnit);
    const words = [`${Math.floor(done)}/${total}`, pace, remark].filter((word) => word !== "").join("  ");
    // A line as wide as the terminal would wrap, and then could not be removed.
    const width = Math.min(
      widestBar,
      Math.max(narrowestBar, terminal.columns - textWidth(this.what + words) - 4),
    );
    const filled = Math.round(share * width);
    const bar = `${colors.cyan("█".repeat(filled))}${colors.dim("░".repeat(width - filled))}`;
    const room = terminal.columns - 1 - textWidth(this.what) - width - 2;
    terminal.err(`\r\x1b[2K${this.what} ${bar} ${fitWidth(words, Math.max(1, room))}`);
  }

  private pace(remaining: number, secondsPerUnit: number): string {
    const rate =
      secondsPerUnit >= 1
        ? `${secondsPerUnit.toFixed(1)} s/${this.unit}`
        : `${(1 / secondsPerUnit).toFixed(1)} ${this.unit}/s`;
    return `${rate}, ${formatDuration(remaining * secondsPerUnit)} left`;
  }
}
