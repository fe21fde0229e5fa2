import { answerRequests } from "./audio-worker.js";
import { encodeAudio } from "./encode-audio.js";

answerRequests(encodeAudio, ({ buffer }) => [buffer]);
