import { chooseGenreSamples } from "../dataset-file/prompt-caption.js";
import { resolveSongs, type Song } from "../dataset-file/resolve-audio.js";
import type { Dataset } from "../dataset-file/schema.js";
import { fileSha256 } from "../fingerprint.js";
import type { Conditioning } from "../prompts.js";
import { checkAudio, checkFile } from "./check-audio.js";
import { checkFields, type CountTokens } from "./check-fields.js";
import type { Finding } from "./finding.js";

export interface CheckOptions {
  /** Folder that relative audio paths start from: where dataset.json lies. The working directory by default. */
  folder?: string;
  /** Folders that relative paths with `..` may lead into. */
  allowRoots?: readonly string[];
  /** Counts tokens as the model does; without it lengths of texts are not checked. */
  countTokens?: CountTokens;
  /** How prompts will be made, which sets the lengths that are read; `inference` by default. */
  conditioning?: Conditioning;
  /** Without decoding only texts, paths and duplicates are checked. True by default. */
  decode?: boolean;
  signal?: AbortSignal;
  onProgress?: (progress: { done: number; total: number; path: string }) => void;
}

/**
 * Looks for everything in a dataset that would fail or spoil a training run. Songs are decoded one at a time, so memory
 * stays that of one song.
 *
 * @throws {AceError} ERR_FILE when a relative audio path leaves the folder without being allowed to.
 */
export async function checkDataset(dataset: Dataset, options: CheckOptions = {}): Promise<Finding[]> {
  const { signal, decode = true } = options;
  const songs = await resolveSongs(dataset, options.folder ?? process.cwd(), {
    allowRoots: options.allowRoots ?? [],
  });
  const counting = options.countTokens && {
    countTokens: options.countTokens,
    conditioning: options.conditioning ?? "inference",
  };
  const byGenre = chooseGenreSamples(dataset);
  const findings = wholeDataset(dataset);
  const firstOfHash = new Map<string, number>();
  for (const [index, song] of songs.entries()) {
    signal?.throwIfAborted();
    options.onProgress?.({ done: index, total: songs.length, path: song.audioFile });
    findings.push(...(await checkFields(song.sample, index, dataset.metadata, byGenre.has(index), counting)));
    const opened = await checkFile(song, index);
    if (opened !== undefined) {
      findings.push(opened);
      continue;
    }
    if (decode) findings.push(...(await checkAudio(song, index, signal)));
    const duplicate = await findDuplicate(songs, index, firstOfHash, signal);
    if (duplicate !== undefined) findings.push(duplicate);
  }
  return findings;
}

function wholeDataset(dataset: Dataset): Finding[] {
  if (dataset.samples.length === 0) {
    const fix = "scan a folder with songs";
    return [
      {
        severity: "error",
        code: "no-samples",
        sample: undefined,
        message: "the dataset has no samples",
        fix,
      },
    ];
  }
  const seen = new Map<string, number>();
  return dataset.samples.flatMap((sample, index): Finding[] => {
    const first = seen.get(sample.id);
    if (first === undefined) seen.set(sample.id, index);
    if (first === undefined || sample.id === "") return [];
    const message = `${sample.filename}: has the id "${sample.id}" of ${dataset.samples[first]?.filename ?? ""}`;
    return [
      { severity: "error", code: "duplicate-id", sample: index, message, fix: "give each sample its own id" },
    ];
  });
}

async function findDuplicate(
  songs: readonly Song[],
  index: number,
  firstOfHash: Map<string, number>,
  signal: AbortSignal | undefined,
): Promise<Finding | undefined> {
  const song = songs[index];
  if (song === undefined) return undefined;
  const hash = await fileSha256(song.audioFile, signal);
  const first = firstOfHash.get(hash);
  if (first === undefined) {
    firstOfHash.set(hash, index);
    return undefined;
  }
  return {
    severity: "warning",
    code: "duplicate-audio",
    sample: index,
    message: `${song.sample.filename}: is the same file as ${songs[first]?.audioFile ?? ""}`,
    fix: "remove one of them, or set repeats on purpose",
  };
}
