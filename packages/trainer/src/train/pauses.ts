import type { OpenRun } from "./open-run.js";
import type { Pause } from "./pace.js";

type Paused = Pick<OpenRun, "config" | "plan" | "split" | "samples" | "songs">;

/** The validations and the songs to listen to that a run makes between its steps, as its loop finds them due. */
export function pausesOf({
  config,
  plan,
  split,
  samples,
  songs,
}: Paused): Record<"validation" | "sample", Pause> {
  const { validationEvery, validationDraws, sampleEvery, cropFrames } = config;
  const { steps } = plan;
  const trained = split.training.map((song) => samples.songs[song]?.frames ?? 0);
  const frames = trained.reduce((sum, length) => sum + Math.min(length, cropFrames ?? length), 0);
  const framesOfPass = Math.max(1, frames / Math.max(1, trained.length));
  const asked = split.validation.length > 0 ? split.validation.length : split.training.length;
  return {
    validation: {
      // The last step is followed by one, wherever it falls.
      toCome: (step) =>
        validationEvery === 0
          ? 0
          : multiples(validationEvery, step, steps) + (steps % validationEvery === 0 ? 0 : 1),
      passes: asked * validationDraws,
    },
    sample: {
      toCome: (step) => (sampleEvery === 0 ? 0 : multiples(sampleEvery, step, steps)),
      // Without what the autoencoder takes, which is little beside it.
      passes: songs.reduce(
        (sum, { request: { times, guidance = 1 }, frames: length }) =>
          sum + (times.length * (guidance > 1 ? 2 : 1) * length) / framesOfPass,
        0,
      ),
    },
  };
}

/** How many multiples of `every` lie in [from, to]. */
function multiples(every: number, from: number, to: number): number {
  return Math.max(0, Math.floor(to / every) - Math.floor((from - 1) / every));
}
