import { AceError, readModelConfig } from "@acewright/core-native";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { freeBytes } from "../../disk-room.js";
import { songPromptIds } from "../../tokenizer/prompt-ids.js";
import { PromptTokenizer } from "../../tokenizer/prompt-tokenizer.js";
import { wordingsOf } from "../../tensors/wordings.js";
import type { PendingSong, PhaseContext } from "../phase.js";
import type { PreprocessSettings } from "../settings.js";
import { keptDurationS } from "../settings.js";
import type { SongWork } from "../song-work.js";

const framesPerSecond = 25;
const floatBytes = 4;
/** Safetensors header, metadata, line of the manifest; and what file systems round up to. */
const besideBytes = 12_288;
/** Of a song whose header does not say: five minutes. */
const unknownS = 300;

/** Bytes that songs which are to be made take. */
export interface DiskNeed {
  /** The finished tensors. */
  readonly tensorsBytes: number;
  /** The most there is at any time beyond what lies there now: parts that wait for the next network, or tensors. */
  readonly peakBytes: number;
}

/** Seconds a piece is taken to last where its header does not say. */
export function plannedS({ expectedS }: Pick<SongWork, "expectedS">, settings: PreprocessSettings): number {
  return expectedS > 0 ? expectedS : Math.min(unknownS, keptDurationS(settings) ?? Infinity);
}

/**
 * Counts latents and tokens of what is to be made. Files that will be replaced are not taken off: both are there for a while.
 *
 * @throws {AceError} ERR_FILE, ERR_CHECKPOINT when the tokenizer or the model's config.json cannot be read.
 */
export function diskNeed(
  pending: readonly PendingSong[],
  { folders, silence, settings, signal }: Pick<PhaseContext, "folders" | "silence" | "settings" | "signal">,
): DiskNeed {
  if (pending.length === 0) return { tensorsBytes: 0, peakBytes: 0 };
  const { encoderHiddenSize, textHiddenSize } = readModelConfig(folders.model);
  const tokenizer = PromptTokenizer.open(folders.textEncoder);
  let [tensorsBytes, partsBytes, largest] = [0, 0, 0];
  for (const song of pending) {
    signal.throwIfAborted();
    const durationS = plannedS(song, settings);
    const latents = Math.floor(durationS * framesPerSecond) * silence.channels * floatBytes;
    const { text, lyrics, conditions: tokens } = tokenCounts(tokenizer, song, durationS, settings);
    const conditions = tokens * encoderHiddenSize * floatBytes;
    const tensors = latents + conditions + besideBytes;
    tensorsBytes += tensors;
    partsBytes += latents + (text + lyrics) * textHiddenSize * floatBytes + 2 * besideBytes;
    largest = Math.max(largest, tensors);
  }
  return { tensorsBytes, peakBytes: Math.max(tensorsBytes, partsBytes) + largest };
}

/** Tokens of all texts, of all lyrics, and of all conditions; none of a prompt that is refused, which will be told in its turn. */
function tokenCounts(
  tokenizer: PromptTokenizer,
  { prompt }: SongWork,
  durationS: number,
  { conditioning, fieldDropout }: PreprocessSettings,
): { text: number; lyrics: number; conditions: number } {
  const { captions, ...metas } = prompt;
  const counts = { text: 0, lyrics: 0, conditions: 0 };
  const [texts, sung] = [new Set<number | null>(), new Set<boolean>()];
  for (const { caption: index, lyrics: isSung } of wordingsOf(prompt, fieldDropout)) {
    try {
      const lyrics = isSung ? metas.lyrics : "";
      const caption = index === null ? "" : (captions[index] ?? "");
      const ids = songPromptIds(tokenizer, { ...metas, lyrics, caption, durationS }, conditioning);
      const [textTokens, lyricTokens] = [ids.text.ids.length, ids.lyrics.ids.length];
      counts.conditions += textTokens + lyricTokens + 1;
      if (!texts.has(index)) counts.text += textTokens;
      if (!sung.has(isSung)) counts.lyrics += lyricTokens;
      texts.add(index);
      sung.add(isSung);
    } catch (error) {
      if (!(error instanceof AceError)) throw error;
    }
  }
  return counts;
}

/** Bytes a run may write to a folder, which need not be there yet: what is free, and its own parts of an earlier run. */
export function diskRoom(folder: string): number {
  return freeBytes(folder) + partsBytes(join(folder, ".parts"));
}

function partsBytes(folder: string): number {
  if (!existsSync(folder)) return 0;
  const sizes = readdirSync(folder).map(
    (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0,
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
