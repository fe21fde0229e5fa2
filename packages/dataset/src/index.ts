export { decodeAudio, setDecodeConcurrency } from "./audio/decode.js";
export type { DecodeOptions } from "./audio/decode.js";
export type { AudioSource, DecodedAudio } from "./audio/decode-file.js";
export { audioProblemOf } from "./audio/refusal.js";
export type { AudioProblem } from "./audio/refusal.js";
export { writeWav } from "./audio/write-wav.js";
export type { WavFormat } from "./audio/write-wav.js";
