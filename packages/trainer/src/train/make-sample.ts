import { join } from "node:path";
import { samplingFor } from "../generate/sampling.js";
import { checkpointName } from "../run/run-paths.js";
import { fileError, type Files } from "../run/files.js";
import { stoppedAtOnce, type StopRequest } from "../stop-request.js";
import type { OpenRun } from "./open-run.js";

/** Half a minute is enough to hear what was learnt. */
const mostFrames = 750;

/** Where the sample of a step goes. */
export function sampleFile(run: OpenRun, step: number): string {
  return join(run.folder.paths.samples, `${checkpointName(step)}.wav`);
}

/**
 * A song with the words of the first validation (or training) song and always the same noise, so that what changes from
 * sample to sample is the adapter. False when the run must end at once.
 */
export async function makeSample(
  run: OpenRun,
  files: Files,
  step: number,
  stop: StopRequest,
): Promise<boolean> {
  const { samples, split, adapter, model, config, songMaker } = run;
  if (songMaker === undefined) throw new Error("a run without a song maker was asked for a sample");
  const song = await samples.read(split.validation[0] ?? split.training[0] ?? 0);
  const frames = Math.min(mostFrames, song.latents.length / model.latentChannels);
  const { times, guidance } = samplingFor({}, model);
  const latents = await stop.race(
    adapter.sample({
      condition: song.conditions[0] ?? new Float32Array(),
      contextLatents: song.contextLatents.slice(0, frames * 2 * model.latentChannels),
      seed: config.seed,
      times,
      method: "ode",
      guidance,
    }),
  );
  if (latents === stoppedAtOnce) return false;
  const { samples: folder } = run.folder.paths;
  try {
    files.mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw fileError(cause, folder, "making the folder for samples");
  }
  return (await stop.race(songMaker.write(latents, sampleFile(run, step)))) !== stoppedAtOnce;
}
