import { answerRequests } from "../../audio/audio-worker.js";
import { changeSoundHere, type ChangedSound, type SoundRequest } from "./change-sound.js";

answerRequests(
  (request: SoundRequest): Promise<ChangedSound> => Promise.resolve().then(() => changeSoundHere(request)),
  ({ channels }) => channels.map(({ buffer }) => buffer),
);
