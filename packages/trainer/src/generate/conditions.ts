import { ConditionEncoder, type Device } from "@acewright/core-native";
import {
  PromptEncoder,
  readSilenceLatent,
  resolveEncoderDevice,
  silenceFrames,
  type EncoderDeviceName,
  type ModelFolders,
} from "@acewright/dataset";
import type { SongWords } from "./sampling.js";
import type { GenerateSettings } from "./settings.js";

export interface EncodedSongs {
  /** One for each song, in their order. */
  readonly words: readonly SongWords[];
  /** What was cut of the words, and where the networks ran instead, one line each. */
  readonly warnings: readonly string[];
}

/** The words of songs to conditions; the networks are opened once, used and closed, so that nothing of them stays. */
export async function encodeSongs(
  folders: ModelFolders,
  songs: readonly GenerateSettings[],
  on: {
    readonly device: Device;
    readonly network: EncoderDeviceName;
    readonly threads: number | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly onSong?: (done: number, total: number) => void;
  },
): Promise<EncodedSongs> {
  const networkDevice = await resolveEncoderDevice(on.network);
  const warnings = new Set<string>();
  if (on.network !== "cpu" && on.device.info.name !== "cpu" && networkDevice.name === "cpu")
    warnings.add(`text encoder and autoencoder run on the CPU (${networkDevice.reason})`);
  const silence = readSilenceLatent(folders.model);
  if (silence.warning !== undefined) warnings.add(silence.warning);
  const prompts = await PromptEncoder.open(folders.textEncoder, {
    device: networkDevice,
    threads: on.threads,
  });
  try {
    const encoder = await ConditionEncoder.open(folders.model, { device: on.device });
    try {
      const known = new Map<string, Float32Array>(); // songs that differ by their seeds share their words
      const encode = async (song: GenerateSettings): Promise<Float32Array> => {
        const { caption, lyrics, language, bpm = null, keyscale, timesignature, durationS } = song;
        const fields = { caption, lyrics, language, bpm, keyscale, timesignature, durationS };
        const key = JSON.stringify(fields);
        const before = known.get(key);
        if (before !== undefined) return before;
        const { warnings: remarks, ...states } = await prompts.encode(fields);
        for (const line of remarks) warnings.add(line);
        const timbre = [silenceFrames(silence, encoder.config.timbreFrames)];
        const { hiddenStates } = await encoder.encode({ ...states, timbre });
        known.set(key, hiddenStates);
        return hiddenStates;
      };
      const words: SongWords[] = [];
      for (const song of songs) {
        on.signal?.throwIfAborted();
        const { negativeCaption } = song;
        words.push({
          condition: await encode(song),
          ...(negativeCaption !== undefined && {
            negative: await encode({ ...song, caption: negativeCaption, lyrics: "[Instrumental]" }),
          }),
        });
        on.onSong?.(words.length, songs.length);
      }
      return { words, warnings: [...warnings] };
    } finally {
      encoder.close();
    }
  } finally {
    await prompts.close();
  }
}
