import type { CheckedRun } from "../check-run.js";
import { framesOf } from "../measure-speed.js";
import { stoppedAtOnce, type StopRequest } from "../stop-request.js";
import { openNative, type Opened } from "../train/open-run.js";
import { measuredRow, type MeasuredRow, type RunExpectation } from "./rows.js";
import type { BenchmarkSettings } from "./settings.js";
import { StepWork } from "./step-work.js";
import { timedSteps, type TimedStep } from "./timed-steps.js";

/** Fewer steps say nothing of how much they differ: so many are timed whatever the limit. */
const fewestTimed = 3;

/** How a length is measured. */
export interface Measuring {
  readonly settings: BenchmarkSettings;
  readonly peakTeraflops: number | undefined;
  readonly stop: StopRequest;
  /** Bytes held beyond those from before the model was read. */
  readonly heldBytes: () => number;
  readonly onStep: (step: TimedStep, done: number, total: number) => void;
}

/** Opens a session as `train` does, and times its steps; undefined where a stop came before the first of them was timed. */
export async function measureRow(run: CheckedRun, measuring: Measuring): Promise<MeasuredRow | undefined> {
  const { settings, stop } = measuring;
  const closers: (() => void)[] = [];
  const opened: Opened = { onDisk: (close) => closers.push(close), native: (close) => closers.push(close) };
  try {
    const native = await stop.race(openNative(run, opened));
    if (native === stoppedAtOnce) return undefined;
    const warmup: TimedStep[] = [];
    const timed: TimedStep[] = [];
    const total = settings.warmup + settings.steps;
    let timingSince = performance.now();
    for await (const step of timedSteps(run, native, stop)) {
      if (warmup.length < settings.warmup) {
        warmup.push(step);
        timingSince = performance.now();
      } else timed.push(step);
      measuring.onStep(step, warmup.length + timed.length, total);
      const isLong = performance.now() - timingSince > 1000 * settings.limitS;
      if (timed.length === settings.steps || (isLong && timed.length >= fewestTimed)) break;
    }
    if (timed.length === 0) return undefined;
    const measuredBytes = measuring.heldBytes();
    const work = new StepWork(run, native.handles);
    return measuredRow({
      warmup,
      timed,
      work: await Promise.all(timed.map(({ microBatches }) => work.of(microBatches))),
      recompute: run.config.recompute,
      patchSize: run.model.patchSize,
      planned: run.memory,
      measuredBytes,
      peakTeraflops: measuring.peakTeraflops,
    });
  } finally {
    const closed = stop.workInHand.then(() => {
      for (const close of closers.reverse()) close();
    });
    // A native call cannot be cut off: who asked to end at once does not wait for it.
    if (!stop.isAtOnce) await closed;
  }
}

/** What the whole run would take at a row's pace; steps of other lengths are taken to cost in proportion to their frames. */
export function expectedRun(run: CheckedRun, { frames, stepsPerSecond }: MeasuredRow): RunExpectation {
  const { trainingSongs, epochs, steps } = run.steps;
  return { trainingSongs, epochs, steps, expectedS: framesOf(run) / (frames * stepsPerSecond) };
}
