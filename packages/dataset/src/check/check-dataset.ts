import { AceError } from "@acewright/core-native";
import { chooseGenreSamples, promptCaption } from "../dataset-file/prompt-caption.js";
import { resolveSongs, type Song } from "../dataset-file/resolve-audio.js";
import type { Dataset } from "../dataset-file/schema.js";
import { audioRemarks, refusalRemark } from "./audio-remarks.js";
import { fileRemarks } from "./file-remarks.js";
import { remark, type Finding, type Remark } from "./finding.js";
import { measureSongs, type Measured } from "./measure/measure-songs.js";
import { NearDuplicates } from "./near-duplicates.js";
import { CheckSettings } from "./settings.js";
import { doubtRemarks } from "./words/doubt-remarks.js";
import { fieldRemarks } from "./words/field-remarks.js";
import { lyricsRemarks } from "./words/lyrics-remarks.js";
import { tokenRemarks, type CountTokens } from "./words/token-remarks.js";

export interface CheckOptions extends Partial<CheckSettings> {
  /** Folder that relative audio paths start from: where dataset.json lies. The working directory by default. */
  folder?: string;
  /** Folders that relative paths with `..` may lead into. */
  allowRoots?: readonly string[];
  /** Counts tokens as the model does; without it lengths of texts are not checked. */
  countTokens?: CountTokens;
  /** Without decoding only texts, paths and copies of files are checked. True by default. */
  decode?: boolean;
  /** Folder where results are kept for unchanged songs ({@link checkCacheFolder}); by default none are kept. */
  cacheFolder?: string;
  signal?: AbortSignal;
  onProgress?: (progress: { done: number; total: number; path: string }) => void;
}

/**
 * Looks for everything in a dataset that would fail or spoil a training run. Songs are decoded on worker threads as
 * streams; of each some hundred bytes are kept, so memory does not grow with their length and hardly with their number.
 *
 * @returns findings in the order of the samples
 * @throws {AceError} ERR_FILE when a relative audio path leaves the folder without being allowed to; ERR_CONFIG when a
 *   setting is out of range.
 */
export async function checkDataset(dataset: Dataset, options: CheckOptions = {}): Promise<Finding[]> {
  const { signal, decode = true } = options;
  const settings = readSettings(options);
  const songs = await resolveSongs(dataset, options.folder ?? process.cwd(), {
    allowRoots: options.allowRoots ?? [],
  });
  const words = await wordRemarks(dataset, options.countTokens, settings, signal);
  let done = 0;
  const onDone = (path: string): void => {
    done++;
    options.onProgress?.({ done, total: songs.length, path });
  };
  options.onProgress?.({ done, total: songs.length, path: songs[0]?.audioFile ?? "" });
  const sounds = decode
    ? await soundRemarks(songs, { ...options, settings, onDone })
    : await fileRemarks(songs, onDone, signal);
  const findings = songs.flatMap((song, index) =>
    [...(words[index] ?? []), ...(sounds[index] ?? [])].map((found) => {
      const message = found.message.replace(`${song.audioFile}: `, "");
      return ofSong({ ...found, message }, index, nameOf(song));
    }),
  );
  return [...wholeDataset(dataset), ...findings];
}

/**
 * The part of {@link checkDataset} that needs no file: what captions, lyrics and fields say. Fast enough to be asked after every
 * change.
 *
 * @returns findings in the order of the samples
 * @throws {AceError} ERR_CONFIG when a setting is out of range.
 */
export async function checkWords(
  dataset: Dataset,
  options: Pick<CheckOptions, "conditioning" | "countTokens" | "signal"> = {},
): Promise<Finding[]> {
  const words = await wordRemarks(dataset, options.countTokens, readSettings(options), options.signal);
  const findings = dataset.samples.flatMap(({ filename, audio_path }, index) =>
    (words[index] ?? []).map((found) => ofSong(found, index, filename === "" ? audio_path : filename)),
  );
  return [...wholeDataset(dataset), ...findings];
}

function ofSong(found: Remark, sample: number, name: string): Finding {
  return { ...found, sample, message: `${name}: ${found.message}` };
}

function readSettings(options: CheckOptions): CheckSettings {
  const given = Object.entries(options).filter(
    ([key, value]) => key in CheckSettings.shape && value !== undefined,
  );
  const parsed = CheckSettings.safeParse(Object.fromEntries(given));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AceError(
    "ERR_CONFIG",
    `${issue?.path.join(".") ?? "settings"}: ${issue?.message ?? "not valid"}`,
  );
}

/** What can be said without the sound, for each sample. */
async function wordRemarks(
  dataset: Dataset,
  countTokens: CountTokens | undefined,
  { conditioning }: CheckSettings,
  signal: AbortSignal | undefined,
): Promise<Remark[][]> {
  const byGenre = chooseGenreSamples(dataset);
  const all: Remark[][] = [];
  for (const [index, sample] of dataset.samples.entries()) {
    signal?.throwIfAborted();
    const useGenre = byGenre.has(index);
    const found = [...fieldRemarks(sample), ...lyricsRemarks(sample), ...doubtRemarks(sample)];
    if (promptCaption(sample, dataset.metadata, useGenre) === "") {
      const fix = "write what the song sounds like, or let it be captioned (dataset caption)";
      found.unshift(remark("warning", "missing-caption", "caption", "has no caption", fix));
    }
    if (countTokens !== undefined) {
      const counting = { countTokens, conditioning };
      found.push(...(await tokenRemarks(sample, dataset.metadata, useGenre, counting)));
    }
    all.push(found);
  }
  return all;
}

/** What the decoded songs give cause to say, each alone and one as another's copy. */
async function soundRemarks(
  songs: readonly Song[],
  options: CheckOptions & { settings: CheckSettings; onDone: (path: string) => void },
): Promise<Remark[][]> {
  const { settings, onDone, signal, cacheFolder } = options;
  const paths = songs.map(({ audioFile }) => audioFile);
  const measured = await measureSongs(paths, { workers: settings.workers, cacheFolder, signal, onDone });
  const copies = copyRemarks(songs, measured);
  return songs.map(({ sample, audioFile }, index) => {
    const result = measured[index];
    if (result === undefined) return [];
    if ("report" in result)
      return [...audioRemarks(result.report, sample.duration, settings), ...(copies[index] ?? [])];
    const what = result.message.replace(`${audioFile}: `, "");
    return [refusalRemark(result.problem, result.problem === "missing" ? `${audioFile} ${what}` : what)];
  });
}

function copyRemarks(songs: readonly Song[], measured: readonly Measured[]): Remark[][] {
  const firstOfHash = new Map<string, number>();
  const near = new NearDuplicates();
  /** Which sample each sketch that was compared belongs to. */
  const compared: number[] = [];
  return measured.map((result, index): Remark[] => {
    if (!("report" in result)) return [];
    const { contentHash, sketch } = result.report;
    const first = firstOfHash.get(contentHash);
    if (first !== undefined) {
      const what = `sounds exactly like ${nameAt(songs, first)}`;
      const fix = "remove one of them, or set repeats on purpose";
      return [{ ...remark("warning", "duplicate-audio", "audio", what, fix), other: first }];
    }
    firstOfHash.set(contentHash, index);
    const like = near.add(sketch);
    compared.push(index);
    const other = like === undefined ? undefined : compared[like.first];
    if (like === undefined || other === undefined) return [];
    const shift =
      Math.abs(like.shiftS) < 0.1
        ? ""
        : `, ${Math.abs(like.shiftS).toFixed(1)} s ${like.shiftS > 0 ? "later" : "earlier"}`;
    const what = `sounds like ${nameAt(songs, other)}${shift} (${Math.round(like.share * 100)} % of its landmarks)`;
    const fix = "keep the better one; listen to both if they are two versions";
    return [{ ...remark("warning", "near-duplicate", "audio", what, fix), other }];
  });
}

function wholeDataset(dataset: Dataset): Finding[] {
  if (dataset.samples.length === 0) {
    const found = remark(
      "error",
      "no-samples",
      "samples",
      "the dataset has no samples",
      "scan a folder with songs",
    );
    return [{ ...found, sample: undefined }];
  }
  const seen = new Map<string, number>();
  return dataset.samples.flatMap((sample, index): Finding[] => {
    const first = seen.get(sample.id);
    if (first === undefined) seen.set(sample.id, index);
    if (first === undefined || sample.id === "") return [];
    const what = `${sample.filename}: has the id "${sample.id}" of ${dataset.samples[first]?.filename ?? ""}`;
    const found = remark("error", "duplicate-id", "id", what, "give each sample its own id");
    return [{ ...found, sample: index, other: first }];
  });
}

function nameAt(songs: readonly Song[], index: number): string {
  const song = songs[index];
  return song === undefined ? "" : nameOf(song);
}

function nameOf(song: Song): string {
  return song.sample.filename === "" ? song.audioFile : song.sample.filename;
}
