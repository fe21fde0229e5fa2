import type { AceErrorCode } from "@acewright/core-native";
import { AceError } from "@acewright/core-native";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { differences } from "../dataset-file/edit-dataset.js";
import { loadDataset, type LoadedDataset } from "../dataset-file/load-dataset.js";
import { saveDataset } from "../dataset-file/save-dataset.js";
import type { Dataset, Sample } from "../dataset-file/schema.js";
import { resolveModelFolders } from "../encoders/model-folders.js";
import { textSha256 } from "../fingerprint.js";
import type { EncoderDevice } from "../onnx/execution-device.js";
import { resolveEncoderDevice } from "../onnx/execution-device.js";
import { defined } from "../preprocess/recipe.js";
import { tensorIds } from "../preprocess/song-ids.js";
import { openTensors } from "../tensors/open-tensors.js";
import { AudioCodes } from "./audio-codes.js";
import { codesFor } from "./codes-budget.js";
import type { LabelEvent, LabelPhase } from "./events.js";
import { LabelJournal } from "./label-journal.js";
import type { Answer, AnswerRequest, LanguageModel } from "./model/language-model.js";
import type { MemoryNeed } from "./model/memory.js";
import { audioCodesMemory, checkMemory, memoryWords } from "./model/memory.js";
import type { LanguageModelPlace, LanguageModelSource } from "./open-language-model.js";
import { languageModelSource } from "./open-language-model.js";
import { parseLabelSettings } from "./parse-settings.js";
import type { LabelSettings } from "./settings.js";
import { answerSong, songQuestions } from "./song-answers.js";

export interface LabelDatasetOptions extends Partial<LabelSettings>, LanguageModelPlace {
  /** Path of dataset.json. */
  readonly dataset: string;
  /** Music model's folder in the official layout, or the folder that holds it. */
  readonly model: string;
  /** Autoencoder, when it does not lie beside the music model. */
  readonly vae?: string;
  /** Folder of tensors whose latents are taken where they fit. */
  readonly tensors?: string;
  readonly allowRoots?: readonly string[];
  /** Tell what would change, write nothing. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/** One song on its way. */
interface LabelSong {
  readonly index: number;
  readonly sample: Sample;
  readonly audioFile: string;
  readonly tensorId: string;
  readonly needsCodes: boolean;
}

/** Refusals that concern one song; a checkpoint, device or network at fault concerns all. */
const songErrors: ReadonlySet<AceErrorCode> = new Set<AceErrorCode>(["ERR_FILE", "ERR_CONFIG", "ERR_SHAPE"]);

/** One run of `labelDataset`. */
export class LabelRun {
  readonly #options: LabelDatasetOptions;
  readonly #settings: LabelSettings;
  readonly #signal: AbortSignal;
  readonly #emit: (event: LabelEvent) => void;
  #failed = 0;
  #labelled = 0;

  constructor(options: LabelDatasetOptions, signal: AbortSignal, emit: (event: LabelEvent) => void) {
    this.#options = options;
    this.#settings = parseLabelSettings(options);
    this.#signal = signal;
    this.#emit = emit;
  }

  async run(): Promise<void> {
    const { dataset: path, allowRoots, model, vae } = this.#options;
    const source = languageModelSource(this.#options, this.#settings);
    const text = readText(path);
    const loaded = await loadDataset(path, { missingAudio: "keep", ...defined({ allowRoots }) });
    // The text encoder has no part in this, so it need not be there.
    const folders = resolveModelFolders(model, { vae, textEncoder: model });
    const device = await resolveEncoderDevice(this.#settings.device);
    const { songs, skipped } = this.#openSongs(loaded);
    this.#emit({ type: "start", songs: songs.length, device: device.name, deviceReason: device.reason });
    for (const message of [...loaded.warnings, ...source.warnings]) this.#emit({ type: "warning", message });
    const journal = new LabelJournal(resolve(path));
    const after: Dataset = { ...loaded.dataset, samples: [...loaded.dataset.samples] };
    try {
      const codes = await this.#makeCodes(songs, folders, device, journal);
      const ready = songs.filter(({ index, needsCodes }) => !needsCodes || codes.has(index));
      await this.#makeAnswers(ready, codes, source, device, journal, after);
    } finally {
      // Also after a stop: what is answered is not lost, and the same command goes on with the rest.
      this.#save(loaded, text, after, skipped);
      journal.close();
    }
    if (this.#options.dryRun !== true) journal.remove();
  }

  /** Tells which songs have nothing open or no audio, and returns the others. */
  #openSongs({ dataset, songs }: LoadedDataset): { songs: LabelSong[]; skipped: number } {
    const ids = tensorIds(songs.map(({ sample, audioFile }) => ({ id: sample.id, audioFile })));
    const open: LabelSong[] = [];
    let skipped = 0;
    for (const [index, { sample, audioFile, isMissing }] of songs.entries()) {
      const { describe, formatLyrics } = songQuestions(sample, this.#settings);
      const needsCodes = describe.length > 0;
      if (!needsCodes && !formatLyrics) {
        skipped++;
        const isLabeled = this.#settings.onlyUnlabeled && sample.labeled;
        this.#emit({ type: "skipped", index, reason: isLabeled ? "is labeled" : "every field has a value" });
      } else if (needsCodes && isMissing) {
        this.#fail({ index, audioFile }, new AceError("ERR_FILE", `${audioFile}: does not exist; mend audio_path or scan the folder again`)); // prettier-ignore
      } else open.push({ index, sample: dataset.samples[index] as Sample, audioFile, tensorId: ids[index] as string, needsCodes }); // prettier-ignore
    }
    return { songs: open, skipped };
  }

  /** Audio codes of every song that needs them, by its index. */
  async #makeCodes(
    songs: readonly LabelSong[],
    folders: ReturnType<typeof resolveModelFolders>,
    device: EncoderDevice,
    journal: LabelJournal,
  ): Promise<Map<number, readonly number[]>> {
    const { threads, checkMemory: isChecked } = this.#settings;
    const { tensors: tensorFolder } = this.#options;
    const found = new Map<number, readonly number[]>();
    const needing = songs.filter(({ needsCodes }) => needsCodes);
    if (needing.length === 0) return found;
    const tensors = tensorFolder === undefined ? undefined : await openTensors(tensorFolder);
    const audio = new AudioCodes({ folders, device, threads, tensors });
    const mostCodes = codesFor(this.#settings);
    const memory = audioCodesMemory(folders);
    this.#tellMemory("codes", memory);
    if (isChecked) checkMemory("the autoencoder and the audio tokenizer", memory, "close other programs, or load them all the same (checkMemory: false, --no-check-memory)"); // prettier-ignore
    try {
      await this.#eachSong("codes", needing, async (song, onProgress) => {
        const key = await audio.key(song.audioFile, mostCodes, this.#signal);
        let codes = journal.codes(key);
        if (codes === undefined) {
          codes = await audio.codes(song.audioFile, {
            mostCodes,
            tensorId: song.tensorId,
            signal: this.#signal,
            onFraction: (fraction) => {
              onProgress({ fraction });
            },
            onWarning: (message) => {
              this.#emit({ type: "warning", index: song.index, message });
            },
          });
          journal.keepCodes(key, codes);
        }
        found.set(song.index, codes);
      });
    } finally {
      await audio.close();
    }
    return found;
  }

  async #makeAnswers(
    songs: readonly LabelSong[],
    codes: ReadonlyMap<number, readonly number[]>,
    source: LanguageModelSource,
    device: EncoderDevice,
    journal: LabelJournal,
    after: Dataset,
  ): Promise<void> {
    if (songs.length === 0) return;
    if (source.memory !== undefined) this.#tellMemory("answers", source.memory);
    const { constrained, maxNewTokens, seed, temperature, topK, topP, repetitionPenalty } = this.#settings;
    const sampling = { temperature, topK, topP, repetitionPenalty };
    const settingsPrint = JSON.stringify([source.fingerprint, constrained, maxNewTokens, seed, sampling]);
    const model: LanguageModel = await source.open(device);
    try {
      await this.#eachSong("answers", songs, async (song, onProgress) => {
        const ask = async (
          key: string,
          answer: (request: AnswerRequest) => Promise<Answer>,
        ): Promise<Answer> => {
          const journalKey = textSha256(settingsPrint + key);
          const kept = journal.answer(journalKey);
          if (kept !== undefined) return kept;
          const startMs = performance.now();
          const given = await answer({
            sampling,
            key: `${seed} ${key}`,
            maxNewTokens,
            isConstrained: constrained,
            signal: this.#signal,
            onTokens: (tokens) => {
              const tokensPerSecond = tokens / ((performance.now() - startMs) / 1000);
              onProgress({ fraction: Math.min(1, tokens / maxNewTokens), tokens, tokensPerSecond });
            },
          });
          journal.keepAnswer(journalKey, given);
          return given;
        };
        const given = await answerSong(song.sample, codes.get(song.index) ?? [], model, this.#settings, ask);
        after.samples[song.index] = given.sample;
        this.#labelled++;
        this.#emit({ type: "labelled", index: song.index, tokens: given.tokens, notes: given.notes });
      });
    } finally {
      await model.close();
    }
  }

  async #eachSong(
    phase: LabelPhase,
    songs: readonly LabelSong[],
    work: (
      song: LabelSong,
      onProgress: (part: { fraction: number; tokens?: number; tokensPerSecond?: number }) => void,
    ) => Promise<void>,
  ): Promise<void> {
    this.#emit({ type: "phase", phase, songs: songs.length });
    for (const [songsDone, song] of songs.entries()) {
      this.#signal.throwIfAborted();
      const tell = (part: { fraction: number }): void => {
        this.#emit({ type: "progress", phase, index: song.index, songsDone, songs: songs.length, ...part });
      };
      try {
        await work(song, tell);
      } catch (error) {
        if (!(error instanceof AceError) || !isOfOneSong(error)) throw error;
        this.#fail(song, error);
      }
      tell({ fraction: 1 });
    }
  }

  #fail({ index, audioFile }: Pick<LabelSong, "index" | "audioFile">, error: AceError): void {
    this.#failed++;
    this.#emit({ type: "failed", index, audioFile, error });
  }

  #tellMemory(phase: LabelPhase, need: MemoryNeed): void {
    const freeBytes = process.availableMemory();
    this.#emit({ type: "memory", phase, bytes: need.total, freeBytes, words: memoryWords(need) });
  }

  #save(loaded: LoadedDataset, text: string, after: Dataset, skipped: number): void {
    const changes = differences(loaded.dataset, after);
    const writes = changes.length > 0 && this.#options.dryRun !== true;
    if (writes) {
      if (readText(loaded.path) !== text) {
        throw new AceError("ERR_FILE", `${loaded.path}: was changed while its songs were labelled, so it is not written; run the same command again, the answers are kept`); // prettier-ignore
      }
      saveDataset(loaded.path, after);
    }
    const [labelled, failed] = [this.#labelled, this.#failed];
    this.#emit({ type: "done", labelled, skipped, failed, changes, written: writes, path: loaded.path });
  }
}

/** A service says itself whom a failure concerns. */
function isOfOneSong(error: AceError): boolean {
  const { scope } = error as { scope?: unknown };
  return scope === undefined ? songErrors.has(error.code) : scope === "song";
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new AceError("ERR_FILE", `${path}: cannot be read (${(cause as Error).message})`, { cause });
  }
}
