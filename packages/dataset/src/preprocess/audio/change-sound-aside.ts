import { DecodePool } from "../../audio/decode-pool.js";
import type { ChangedSound, SoundRequest } from "./change-sound.js";

/** A take of half an hour may be silent for so long: nothing in it tells the pool that it is alive. */
const stallS = 600;

const pool = new DecodePool<SoundRequest, ChangedSound>({
  workerUrl: new URL("./sound-worker.js", import.meta.url),
  stallS,
});

/** Does the change in a worker thread. The channels' memory is handed over: the caller has none of it afterwards. */
export function changeSound(request: SoundRequest, signal: AbortSignal): Promise<ChangedSound> {
  return pool.run(
    request,
    signal,
    request.channels.map(({ buffer }) => buffer),
  );
}
