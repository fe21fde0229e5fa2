import type { BenchmarkProgress } from "@acewright/trainer";
import type { Output } from "../output.js";
import type { Progress } from "./progress.js";
import { formatSignificant } from "./units.js";

/** A bar for each length that is timed; where no bars are drawn, a line when it is done. */
export class BenchBars {
  private bar: { readonly row: number; readonly progress: Progress; last: BenchmarkProgress } | undefined;

  constructor(private readonly output: Output) {}

  show(step: BenchmarkProgress): void {
    const { row, seconds, done, total, milliseconds, loss } = step;
    if (this.bar?.row !== row) {
      this.finish();
      const what = seconds === undefined ? "steps" : `${seconds} s`;
      this.bar = { row, progress: this.output.progress(what, "step"), last: step };
    }
    this.bar.last = step;
    this.bar.progress.update(done, total, `${formatSignificant(milliseconds)} ms  loss ${loss.toFixed(4)}`);
    if (done === total) this.finish();
  }

  /** No bar is left behind, whether what it shows came to its end or not. */
  clear(): void {
    this.bar?.progress.clear();
    this.bar = undefined;
  }

  private finish(): void {
    if (this.bar === undefined) return;
    const { progress, last } = this.bar;
    progress.finish(`the last step took ${formatSignificant(last.milliseconds)} ms`);
    this.bar = undefined;
  }
}
