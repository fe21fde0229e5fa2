import type { TimestepLoss } from "../events.js";
import { lossByTimestep, meanLoss } from "../plan/loss-by-timestep.js";
import { validationPlaces } from "../plan/validation.js";
import { stoppedAtOnce, type StopRequest } from "../stop-request.js";
import type { OpenRun } from "./open-run.js";

/** Keeps validation noise apart from training noise of the same seed. */
const validationStep = 0x7fffffff;

/** What the questions came to. */
export interface Answers {
  readonly loss: number;
  readonly byTimestep: readonly TimestepLoss[];
}

/** The part of a run that is asked. */
type Asked = Pick<OpenRun, "config" | "samples" | "split" | "session" | "handles">;

/**
 * Mean loss over the fixed questions of the run: the same crops, noises and timesteps whenever it is asked, without
 * dropout. Undefined when a stop came first.
 */
export async function askValidation(run: Asked, stop: StopRequest): Promise<Answers | undefined> {
  const { config, samples, split, session, handles } = run;
  const asked = split.validation.length > 0 ? split.validation : split.training;
  const songs = asked.map((index) => ({
    index,
    shape: samples.songs[index] as (typeof samples.songs)[number],
  }));
  const places = validationPlaces(songs, {
    draws: config.validationDraws,
    cropFrames: config.cropFrames,
    seed: config.seed,
  });
  const answers: { loss: number; timestep: number }[] = [];
  for (const { song, start, frames, variant, key } of places) {
    if (stop.isRequested) return undefined;
    const ref = { sample: handles[song] as number, key, start, frames, variant };
    const options = { seed: config.seed, step: validationStep };
    const result = await stop.race(session.evaluate([[ref]], options));
    if (result === stoppedAtOnce) return undefined;
    answers.push(...result.samples);
  }
  return { loss: meanLoss(answers), byTimestep: lossByTimestep(answers) };
}
