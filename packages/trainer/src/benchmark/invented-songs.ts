import type { ModelConfig, TrainSample } from "@acewright/core-native";
import { framesPerSecond } from "../frames.js";
import { randomStream } from "../plan/counter-random.js";
import type { SampleSource } from "../sample-source.js";

/** What songs to invent. */
export interface Invention {
  readonly seconds: number;
  readonly conditionTokens: number;
  readonly songs: number;
}

/** Songs of noise in the shapes of real ones, for a model that need never hear them: nothing is read or written. */
export function inventedSongs(
  { encoderHiddenSize: width, latentChannels, fingerprint, modelVersion }: ModelConfig,
  { seconds, conditionTokens, songs }: Invention,
): SampleSource {
  const frames = Math.round(seconds * framesPerSecond);
  const sample = (song: number): TrainSample => ({
    latents: noise(frames * latentChannels, song, 0),
    conditions: [noise(conditionTokens * width, song, 1)],
    contextLatents: noise(2 * frames * latentChannels, song, 2),
  });
  return {
    hash: `invented ${seconds} s, ${conditionTokens} tokens`,
    encoderHiddenSize: width,
    trigger: "",
    madeWith: { name: modelVersion, fingerprint },
    songs: Array.from({ length: songs }, (_, i) => ({
      id: `invented-${i}`,
      frames,
      conditionTokens: [conditionTokens],
    })),
    read: (index) => Promise.resolve(sample(index)),
  };
}

/** Uniform numbers of mean 0 and variance 1, the same in every run. */
function noise(count: number, song: number, part: number): Float32Array {
  // One draw of 53 bits seeds a 32-bit generator: a million draws of big integers would take longer than the steps timed.
  let state = Math.floor(randomStream(0, "invented", song, part)() * 2 ** 32) >>> 0;
  const scale = Math.sqrt(12) / 2 ** 32;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state * scale - Math.sqrt(3);
  });
}
