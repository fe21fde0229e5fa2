import type picocolors from "picocolors";
import type { Terminal } from "../terminal.js";
import { fitWidth, textWidth } from "./text-width.js";
import { formatDuration } from "./units.js";

const widestBar = 28;
const narrowestBar = 8;
const redrawMs = 80;
/** Told and kept, not drawn over: a training of hours tells some thousand of them. */
const tellMs = 1000;
/** Weight of the newest rate in the running average: forgets the slow first item after about five more. */
const newestWeight = 0.3;
/** Steps that arrive in one burst say nothing about the pace. */
const shortestMs = 50;

/** Where a bar is drawn, and whether it is. */
export interface BarOutput {
  readonly terminal: Terminal;
  readonly draws: boolean;
  readonly tellsProgress: boolean;
  readonly colors: ReturnType<typeof picocolors.createColors>;
  say(line: string): void;
  event(value: unknown): void;
}

/** A bar as an event, for who draws it elsewhere. */
export interface BarEvent {
  readonly type: "bar";
  /** "check", "audio to latents". */
  readonly what: string;
  /** Of what: "song". */
  readonly unit: string;
  readonly done: number;
  readonly total: number;
  /** 0 to 1. By the work where items are not alike. */
  readonly share: number;
  /** The song in hand, a loss. */
  readonly remark: string;
  /** Seconds. */
  readonly left?: number;
}

/** How much of the work is done where items differ: seconds of audio of songs. */
export interface WorkDone {
  readonly done: number;
  readonly total: number;
}

/** What a bar is told beside how far the work is; most bars need nothing of it. */
export interface BarHints {
  /** What the bar's length and the time left go by, where items are not alike; default the items. */
  readonly work?: WorkDone | undefined;
  /** Pace of the work where it is measured elsewhere; default: the bar's own clock, which also counts what lies between items. */
  readonly secondsPerUnit?: number | undefined;
  /** Time left where it is known better than by the pace alone. */
  readonly secondsLeft?: number | undefined;
  /** How much of what is done was there before: it says nothing about the pace. Its first mention starts the clock. */
  readonly earlier?: number | undefined;
}

/** A bar with rate and time left. Draws only where its output draws; otherwise one line when it is done. */
export class Progress {
  private readonly output: BarOutput;
  private readonly what: string;
  private readonly unit: string;
  private readonly startMs = performance.now();
  private lastChangeMs = this.startMs;
  private lastDrawMs = -Infinity;
  private lastTellMs = -Infinity;
  private done = 0;
  private earlier: number | undefined;
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
  update(
    done: number,
    total: number,
    remark = "",
    { work, secondsPerUnit, secondsLeft, earlier }: BarHints = {},
  ): void {
    const now = performance.now();
    const workDone = (work?.done ?? done) - (earlier ?? 0);
    if (earlier !== this.earlier) {
      if (this.earlier === undefined) this.lastChangeMs = now;
      this.earlier = earlier;
    }
    if (secondsPerUnit !== undefined) {
      this.secondsPerUnit = secondsPerUnit;
      this.done = workDone;
      this.lastChangeMs = now;
    } else if (workDone > this.done && now - this.lastChangeMs >= shortestMs) {
      const newest = (now - this.lastChangeMs) / 1000 / (workDone - this.done);
      this.secondsPerUnit =
        this.secondsPerUnit === undefined
          ? newest
          : newestWeight * newest + (1 - newestWeight) * this.secondsPerUnit;
      this.done = workDone;
      this.lastChangeMs = now;
    } else if (workDone < this.done) {
      // Begun anew: what was lost is no pace.
      this.done = workDone;
      this.lastChangeMs = now;
    }
    if (this.output.tellsProgress && (now - this.lastTellMs >= tellMs || done >= total)) {
      this.lastTellMs = now;
      this.output.event(this.barEvent(done, total, remark, { work, secondsLeft }));
    }
    if (!this.output.draws || (now - this.lastDrawMs < redrawMs && done < total)) return;
    this.lastDrawMs = now;
    this.draw(done, total, remark, { work, secondsLeft });
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

  private draw(
    done: number,
    total: number,
    remark: string,
    { work, secondsLeft }: Pick<BarHints, "work" | "secondsLeft">,
  ): void {
    const { colors, terminal } = this.output;
    const { share, leftS } = this.howFar(done, total, { work, secondsLeft });
    const perUnit = this.secondsPerUnit;
    const left = leftS === undefined ? "" : `${formatDuration(leftS)} left`;
    // Of unlike items a rate would say little.
    const pace = perUnit === undefined || work !== undefined ? left : `${this.rate(perUnit)}, ${left}`;
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

  private howFar(
    done: number,
    total: number,
    { work, secondsLeft }: Pick<BarHints, "work" | "secondsLeft">,
  ): { share: number; leftS: number | undefined } {
    const { done: workDone, total: workTotal } = work ?? { done, total };
    const perUnit = this.secondsPerUnit;
    return {
      share: workTotal > 0 ? Math.min(1, workDone / workTotal) : 0,
      leftS: secondsLeft ?? (perUnit === undefined ? undefined : (workTotal - workDone) * perUnit),
    };
  }

  private barEvent(
    done: number,
    total: number,
    remark: string,
    hints: Pick<BarHints, "work" | "secondsLeft">,
  ): BarEvent {
    const { share, leftS } = this.howFar(done, total, hints);
    const { what, unit } = this;
    const left = leftS === undefined ? {} : { left: leftS };
    return { type: "bar", what, unit, done, total, share, remark, ...left };
  }

  private rate(secondsPerUnit: number): string {
    return secondsPerUnit >= 1
      ? `${secondsPerUnit.toFixed(1)} s/${this.unit}`
      : `${(1 / secondsPerUnit).toFixed(1)} ${this.unit}/s`;
  }
}
