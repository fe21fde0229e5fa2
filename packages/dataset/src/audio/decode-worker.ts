import { answerRequests } from "./audio-worker.js";
import { decodeFile } from "./decode-file.js";

answerRequests(decodeFile, ({ channels }) => channels.map(({ buffer }) => buffer));
