import { join } from "node:path";
import type { SampleEvent } from "../events.js";
import { checkpointName } from "../run/run-paths.js";
import { fileError, type Files } from "../run/files.js";
import { stoppedAtOnce, type StopRequest } from "../stop-request.js";
import type { OpenRun } from "./open-run.js";
import type { RepeatedSong } from "./prepare-samples.js";

/** Where the songs of a step go. */
function sampleFile({ folder, config }: OpenRun, step: number, { name }: RepeatedSong): string {
  return join(folder.paths.samples, `${checkpointName(step)}${name}.${config.sampleAudio}`);
}

/** Whether a process before this one made all songs of a step. */
export function samplesAreMade(run: OpenRun, files: Files, step: number): boolean {
  return run.songs.length > 0 && run.songs.every((song) => files.existsSync(sampleFile(run, step, song)));
}

/** All songs of a step, with what is to be told of them; undefined when the run must end at once. */
export async function makeSamples(
  run: OpenRun,
  files: Files,
  step: number,
  stop: StopRequest,
): Promise<SampleEvent[] | undefined> {
  const { adapter, model, songs, songMaker } = run;
  if (songMaker === undefined) throw new Error("a run without a song maker was asked for a sample");
  const { samples: folder } = run.folder.paths;
  try {
    files.mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw fileError(cause, folder, "making the folder for samples");
  }
  const events: SampleEvent[] = [];
  for (const song of songs) {
    const latents = await stop.race(adapter.sample(song.request));
    if (latents === stoppedAtOnce) return undefined;
    const file = sampleFile(run, step, song);
    const kept = latents.subarray(0, song.frames * model.latentChannels);
    const tags = { ...song.tags, ADAPTER: `${run.config.output} (step ${step})` };
    if ((await stop.race(songMaker.write(kept, file, tags))) === stoppedAtOnce) return undefined;
    events.push({ type: "sample", step, file, ...(song.prompt && { prompt: song.prompt }) });
  }
  return events;
}
