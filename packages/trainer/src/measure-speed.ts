import type { CheckedRun } from "./check-run.js";
import { timedSteps } from "./benchmark/timed-steps.js";
import { StopRequest } from "./stop-request.js";
import { openNative, type Opened } from "./train/open-run.js";
import { mixedPerEpoch, placesPerEpoch } from "./plan/epoch.js";

/** Steps made: the first also traces its program, so it is not timed where there are others. */
const measuredSteps = 3;

/**
 * Seconds the whole run would take, from its own first steps made in memory and thrown away. Steps of other lengths are
 * taken to cost in proportion to their frames, which for long songs is a little too little.
 */
export async function measureSpeed(run: CheckedRun): Promise<{ secondsPerStep: number; expectedS: number }> {
  const closers: (() => void)[] = [];
  const opened: Opened = { onDisk: (close) => closers.push(close), native: (close) => closers.push(close) };
  try {
    const native = await openNative(run, opened);
    const steps = Math.min(measuredSteps, run.steps.steps);
    let made = 0;
    let seconds = 0;
    let frames = 0;
    for await (const { microBatches, milliseconds } of timedSteps(run, native, new StopRequest())) {
      made += 1;
      if (made === 1 && steps > 1) continue;
      seconds += milliseconds / 1000;
      frames += microBatches.flat().reduce((sum, ref) => sum + (ref.frames ?? 0), 0);
      if (made === steps) break;
    }
    const expectedS = (seconds / frames) * framesOf(run);
    return { secondsPerStep: expectedS / run.steps.steps, expectedS };
  } finally {
    for (const close of closers.reverse()) close();
  }
}

/** Latent frames trained on in the whole run. */
export function framesOf({ config, samples, split, steps }: CheckedRun): number {
  const cropFrames = config.cropFrames ?? Infinity;
  const framesIn = (songs: readonly number[]) =>
    songs.reduce((sum, song) => sum + Math.min(samples.songs[song]?.frames ?? 0, cropFrames), 0);
  const { training, regularization } = split;
  // Each song of the regularization set is met as often as any other.
  const places = placesPerEpoch(
    training.map((song) => samples.songs[song] ?? {}),
    config.datasetRepeats,
  );
  const mixed = mixedPerEpoch(places, regularization.length, config.regularizationRatio);
  const mixedFrames = mixed === 0 ? 0 : (framesIn(regularization) / regularization.length) * mixed;
  return ((framesIn(training) * config.datasetRepeats + mixedFrames) * steps.steps) / steps.stepsPerEpoch;
}
