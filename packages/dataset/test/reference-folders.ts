import { join } from "node:path";

const reference = join(import.meta.dirname, "../../../tools/reference");

/** The golden fixtures and the trained toy checkpoint that the repository carries. */
export const golden = join(reference, "golden");
export const toy = join(reference, "toy");
export const toyModel = join(toy, "checkpoints/acestep-v15-toy");
export const toyVae = join(toy, "checkpoints/vae");
export const toyTextEncoder = join(toy, "checkpoints/Qwen3-Embedding-0.6B");

/** The three songs in the order of expected.safetensors. */
export const toySongs = [
  {
    name: "bells-one",
    file: "bells-one.flac",
    bpm: 125,
    key: "E phrygian",
    tempo: "slow",
    words: "seven in a row",
    durationS: 8.4,
  },
  {
    name: "bells-two",
    file: "bells-two.ogg",
    bpm: 150,
    key: "B phrygian",
    tempo: "fast",
    words: "seven on the way",
    durationS: 7.0,
  },
  {
    name: "bells-three",
    file: "bells-three.ogg",
    bpm: 107,
    key: "A phrygian",
    tempo: "slow",
    words: "seven to the end",
    durationS: 9.8,
  },
] as const;
