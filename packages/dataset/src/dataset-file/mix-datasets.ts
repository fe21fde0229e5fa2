import { AceError } from "@acewright/core-native";
import { randomUUID } from "node:crypto";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { isInside } from "./inside-folder.js";
import { chooseGenreSamples } from "./prompt-caption.js";
import { mostRepeats, songRepeats } from "./repeats.js";
import type { Dataset, DatasetMetadata, Sample } from "./schema.js";

/** One dataset of a mixture. */
export interface MixSource {
  dataset: Dataset;
  /** Folder that its relative audio paths start from. */
  folder: string;
  /** Without `balance` how often its songs repeat, else its share of an epoch beside the others'. 1 by default. */
  weight?: number;
  /** For messages. */
  name?: string;
}

export interface MixOptions {
  /** Folder of the file the mixture goes to. */
  folder: string;
  name?: string;
  /** Needed where the sources have trigger words and differ. */
  tagPosition?: DatasetMetadata["tag_position"];
  /** Repeat songs so that each source's share of an epoch is its weight's share. */
  balance?: boolean;
}

/**
 * Puts several datasets into one, each song prompted as before: trigger words become the songs' own where the
 * sources differ, and so do the choices of differing genre ratios. Ids that collide are made anew.
 *
 * @returns the mixture, and the share of an epoch of each source.
 * @throws {AceError} ERR_CONFIG when tag positions differ, or a weight cannot be.
 */
export function mixDatasets(
  sources: readonly MixSource[],
  options: MixOptions,
): { dataset: Dataset; shares: number[] } {
  const [first] = sources;
  if (first === undefined) throw new AceError("ERR_CONFIG", "mix: name at least one dataset");
  const factors = repeatFactors(sources, options.balance ?? false);
  const metadata = mixedMetadata(sources, options);
  const sameTag = allSame(sources, ({ custom_tag }) => custom_tag);
  const sameRatio = allSame(sources, ({ genre_ratio }) => genre_ratio);
  const ids = new Set<string>();
  const samples = sources.flatMap((source, place) => {
    const byGenre = sameRatio ? undefined : chooseGenreSamples(source.dataset);
    return source.dataset.samples.map((sample, index): Sample => {
      const repeat = songRepeats(sample) * (factors[place] ?? 1);
      const id = ids.has(sample.id) || sample.id === "" ? randomUUID().slice(0, 8) : sample.id;
      ids.add(id);
      return {
        ...sample,
        id,
        audio_path: movedPath(sample.audio_path, source.folder, options.folder),
        custom_tag:
          sameTag || sample.custom_tag !== "" ? sample.custom_tag : source.dataset.metadata.custom_tag,
        prompt_override: sample.prompt_override ?? overrideOf(byGenre, index),
        ...(repeat === 1 ? {} : { repeat }),
      };
    });
  });
  const sizes = sources.map(({ dataset }, place) => epochSize(dataset) * (factors[place] ?? 1));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return {
    dataset: { ...first.dataset, metadata: { ...metadata, num_samples: samples.length }, samples },
    shares: sizes.map((size) => (total === 0 ? 0 : size / total)),
  };
}

function overrideOf(byGenre: ReadonlySet<number> | undefined, index: number): Sample["prompt_override"] {
  if (byGenre === undefined) return null;
  return byGenre.has(index) ? "genre" : "caption";
}

function epochSize(dataset: Dataset): number {
  return dataset.samples.reduce((sum, sample) => sum + songRepeats(sample), 0);
}

/** Whole numbers, because a song is in an epoch so many times or not. */
function repeatFactors(sources: readonly MixSource[], balance: boolean): number[] {
  const weights = sources.map(({ weight = 1, name = "a dataset" }) => {
    if (
      Number.isFinite(weight) &&
      weight > 0 &&
      (balance || Number.isInteger(weight)) &&
      weight <= mostRepeats
    )
      return weight;
    const wanted = balance ? "a number above 0" : "a whole number of repeats (fractions need --balance)";
    throw new AceError(
      "ERR_CONFIG",
      `mix: ${name}: weight: ${wanted}, at most ${mostRepeats}, was expected, got ${weight}`,
    );
  });
  if (!balance) return weights;
  const wanted = sources.map(({ dataset }, place) => (weights[place] ?? 1) / Math.max(1, epochSize(dataset)));
  const least = Math.min(...wanted);
  // The smallest scale at which no source is off its share by more than a twentieth; else the closest there is.
  let best = { error: Infinity, factors: weights };
  for (let scale = 1; scale <= 20; scale++) {
    const exact = wanted.map((value) => (value / least) * scale);
    const factors = exact.map((value) => Math.max(1, Math.round(value)));
    const error = Math.max(...exact.map((value, place) => Math.abs((factors[place] ?? 1) / value - 1)));
    if (error < best.error) best = { error, factors };
    if (error <= 0.05) break;
  }
  const most = Math.max(...best.factors);
  if (most > mostRepeats)
    throw new AceError(
      "ERR_CONFIG",
      `mix: the weights ask for ${most} repeats of a song; ${mostRepeats} are the most, bring the weights closer`,
    );
  return best.factors;
}

function mixedMetadata(sources: readonly MixSource[], options: MixOptions): DatasetMetadata {
  const metadatas = sources.map(({ dataset }) => dataset.metadata);
  const [first] = metadatas;
  const tagged = sources
    .filter(({ dataset }) => hasTag(dataset))
    .map(({ dataset }) => dataset.metadata.tag_position);
  if (options.tagPosition === undefined && new Set(tagged).size > 1) {
    throw new AceError(
      "ERR_CONFIG",
      `mix: the datasets put their tags at different places (${[...new Set(tagged)].join(", ")}); choose one with --tag-position`,
    );
  }
  return {
    ...(first as DatasetMetadata),
    name: options.name ?? metadatas.map(({ name }) => name).join(" + "),
    custom_tag: allSame(sources, ({ custom_tag }) => custom_tag) ? (first?.custom_tag ?? "") : "",
    tag_position: options.tagPosition ?? tagged[0] ?? first?.tag_position ?? "prepend",
    all_instrumental: metadatas.every(({ all_instrumental }) => all_instrumental),
    genre_ratio: allSame(sources, ({ genre_ratio }) => genre_ratio) ? (first?.genre_ratio ?? 0) : 0,
  };
}

function hasTag({ metadata, samples }: Dataset): boolean {
  return metadata.custom_tag !== "" || samples.some(({ custom_tag }) => custom_tag !== "");
}

function allSame(sources: readonly MixSource[], of: (metadata: DatasetMetadata) => unknown): boolean {
  return new Set(sources.map(({ dataset }) => of(dataset.metadata))).size <= 1;
}

/** Relative where the song lies under the new file's folder, so that the folder can be moved as a whole; else absolute. */
function movedPath(path: string, from: string, to: string): string {
  if (path === "" || isAbsolute(path)) return path;
  const target = resolve(from, path);
  return isInside(target, to) ? relative(to, target).split(sep).join("/") : target;
}
