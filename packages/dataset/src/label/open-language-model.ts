import { AceError } from "@acewright/core-native";
import { readQwen3Config } from "../encoders/qwen3-config.js";
import type { EncoderDevice } from "../onnx/execution-device.js";
import type { LanguageModel } from "./model/language-model.js";
import { LocalLanguageModel, languageModelFingerprint } from "./model/local-language-model.js";
import type { MemoryNeed } from "./model/memory.js";
import { checkMemory, languageModelAdvice, languageModelMemory } from "./model/memory.js";
import type { LabelSettings } from "./settings.js";

/** Where the language model is: exactly one of the two. */
export interface LanguageModelPlace {
  /** Folder of a 5 Hz language model (acestep-5Hz-lm-…). */
  readonly lm?: string | undefined;
  /** Base URL of an OpenAI-compatible completion server. */
  readonly lmServer?: string | undefined;
  /** The server's name for its model; default what the server has by itself. */
  readonly lmName?: string | undefined;
}

/** A language model that is not loaded yet. */
export interface LanguageModelSource {
  readonly fingerprint: string;
  /** None for a server. */
  readonly memory: MemoryNeed | undefined;
  open(device: EncoderDevice): Promise<LanguageModel>;
}

/**
 * @throws {AceError} ERR_CONFIG when both places are named or none; ERR_FILE, ERR_CHECKPOINT for a folder that holds no
 *   language model.
 */
export function languageModelSource(place: LanguageModelPlace, settings: LabelSettings): LanguageModelSource {
  const { lm, lmServer } = place;
  if ((lm === undefined) === (lmServer === undefined)) {
    throw new AceError("ERR_CONFIG", "name a language model: its folder (lm, --lm) or a server (lmServer, --lm-server)"); // prettier-ignore
  }
  if (lm === undefined) throw new AceError("ERR_CONFIG", "a server cannot answer yet");
  const { contextTokens, threads, checkMemory: isChecked } = settings;
  const { maxTokens } = readQwen3Config(lm);
  if (contextTokens > maxTokens) {
    throw new AceError("ERR_CONFIG", `contextTokens: ${contextTokens} tokens, but ${lm} was made for at most ${maxTokens}`); // prettier-ignore
  }
  const memory = languageModelMemory(lm, contextTokens);
  return {
    fingerprint: languageModelFingerprint(lm),
    memory,
    async open(device) {
      if (isChecked) checkMemory("the language model", memory, languageModelAdvice(lm));
      return await LocalLanguageModel.open(lm, { device, threads, contextTokens });
    },
  };
}
