import { AceError } from "@acewright/core-native";
import { readQwen3Config } from "../encoders/qwen3-config.js";
import type { EncoderDevice } from "../onnx/execution-device.js";
import type { LanguageModel } from "./model/language-model.js";
import {
  LocalLanguageModel,
  languageModelFingerprint,
  readLanguageModelWords,
} from "./model/local-language-model.js";
import type { MemoryNeed } from "./model/memory.js";
import { checkMemory, languageModelAdvice, languageModelMemory } from "./model/memory.js";
import { ServerLanguageModel } from "./model/server-language-model.js";
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
  /** What the user should know before anything is loaded or sent. */
  readonly warnings: readonly string[];
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
  const { contextTokens, threads, checkMemory: isChecked, retries, retryWaitS, timeoutS } = settings;
  if (lmServer !== undefined) {
    const server = new ServerLanguageModel({
      url: lmServer,
      model: place.lmName,
      retries,
      retryWaitS,
      timeoutS,
    });
    const { fingerprint, warnings } = server;
    return { fingerprint, warnings, memory: undefined, open: () => Promise.resolve(server) };
  }
  if (lm === undefined) throw new AceError("ERR_INTERNAL", "no place of a language model");
  const { maxTokens } = readQwen3Config(lm);
  if (contextTokens > maxTokens) {
    throw new AceError("ERR_CONFIG", `contextTokens: ${contextTokens} tokens, but ${lm} was made for at most ${maxTokens}`); // prettier-ignore
  }
  const memory = languageModelMemory(lm, contextTokens);
  // What is wrong with the tokenizer should not show after all songs have been encoded.
  const words = readLanguageModelWords(lm);
  return {
    fingerprint: languageModelFingerprint(lm),
    warnings: [],
    memory,
    async open(device) {
      if (isChecked) checkMemory("the language model", memory, languageModelAdvice(lm));
      return await LocalLanguageModel.open(lm, { device, threads, contextTokens, words });
    },
  };
}
