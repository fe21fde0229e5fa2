import { answerRequests } from "../../audio/audio-worker.js";
import { measureFile } from "./measure-file.js";

answerRequests(measureFile);
