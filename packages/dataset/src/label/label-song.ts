import { Sample } from "../dataset-file/schema.js";
import { resolveModelFolders } from "../encoders/model-folders.js";
import { resolveEncoderDevice } from "../onnx/execution-device.js";
import { AudioCodes } from "./audio-codes.js";
import type { LabelledSample } from "./apply-label.js";
import { codesFor } from "./codes-budget.js";
import type { LanguageModelPlace } from "./open-language-model.js";
import { languageModelSource } from "./open-language-model.js";
import { parseLabelSettings } from "./parse-settings.js";
import type { LabelSettings } from "./settings.js";
import { answerSong } from "./song-answers.js";

export interface LabelSongOptions extends Partial<LabelSettings>, LanguageModelPlace {
  /** Music model's folder in the official layout, or the folder that holds it. */
  readonly model: string;
  readonly vae?: string;
  /** What is known of the song; default nothing, and that it has a voice. */
  readonly sample?: Partial<Sample>;
  readonly signal?: AbortSignal;
  /** Tokens of the answer so far. */
  readonly onTokens?: (tokens: number) => void;
}

/**
 * Describes one song with the 5 Hz language model. For many songs use `labelDataset`, which loads each network once.
 *
 * @returns the sample with what was open filled in, and what a person should look at.
 * @throws {AceError} ERR_FILE, ERR_CHECKPOINT, ERR_CONFIG, ERR_DEVICE, ERR_OUT_OF_MEMORY. The signal's reason when it is
 *   aborted.
 */
export async function labelSong(audioFile: string, options: LabelSongOptions): Promise<LabelledSample> {
  const settings = parseLabelSettings(options);
  const { model: modelFolder, vae, signal, onTokens } = options;
  const source = languageModelSource(options, settings);
  const device = await resolveEncoderDevice(settings.device);
  const folders = resolveModelFolders(modelFolder, { vae, textEncoder: modelFolder });
  const audio = new AudioCodes({ folders, device, threads: settings.threads });
  const warnings: string[] = [];
  const codes = await audio
    .codes(audioFile, {
      mostCodes: codesFor(settings),
      signal,
      onWarning: (message) => warnings.push(message),
    })
    .finally(() => audio.close());
  const language = await source.open(device);
  try {
    const sample = Sample.parse({ is_instrumental: false, audio_path: audioFile, ...options.sample });
    const { temperature, topK, topP, repetitionPenalty, seed, maxNewTokens, constrained } = settings;
    const { notes, ...labelled } = await answerSong(sample, codes, language, settings, (key, ask) =>
      ask({
        sampling: { temperature, topK, topP, repetitionPenalty },
        key: `${seed} ${key}`,
        maxNewTokens,
        isConstrained: constrained,
        signal,
        onTokens,
      }),
    );
    return { sample: labelled.sample, notes: [...warnings, ...notes] };
  } finally {
    await language.close();
  }
}
