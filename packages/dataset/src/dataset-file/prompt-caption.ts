import { PythonRandom } from "./python-random.js";
import type { Dataset, DatasetMetadata, Sample } from "./schema.js";

/** The official trainer shuffles with this seed, so that the same songs use their genre on every run. */
const genreSeed = 42;

/**
 * The text that stands as caption in the prompt: the sample's caption, or its genre where `useGenre` (see
 * {@link chooseGenreSamples}) or the sample's `prompt_override` says so and there is one, with the dataset's tag put to it.
 * A sample's own `custom_tag` takes the place of the dataset's.
 */
export function promptCaption(sample: Sample, metadata: DatasetMetadata, useGenre = false): string {
  const wantsGenre = sample.prompt_override === null ? useGenre : sample.prompt_override === "genre";
  const text = (wantsGenre && sample.genre !== "" ? sample.genre : sample.caption).trim();
  const tag = (sample.custom_tag === "" ? metadata.custom_tag : sample.custom_tag).trim();
  if (tag === "") return text;
  if (text === "") return tag;
  switch (metadata.tag_position) {
    case "prepend":
      return `${tag}, ${text}`;
    case "append":
      return `${text}, ${tag}`;
    case "replace":
      return tag;
  }
}

/**
 * Indices of the samples that the genre ratio picks, the same ones as the official trainer's: of the labeled samples
 * the first `ratio` percent of a shuffle with a fixed seed.
 */
export function chooseGenreSamples(dataset: Dataset): Set<number> {
  const labeled = dataset.samples.flatMap((sample, index) => (sample.labeled ? [index] : []));
  const count = Math.trunc((labeled.length * dataset.metadata.genre_ratio) / 100);
  new PythonRandom(genreSeed).shuffle(labeled);
  return new Set(labeled.slice(0, count));
}

/** The prompt caption of every sample, in order. */
export function promptCaptions(dataset: Dataset): string[] {
  const byGenre = chooseGenreSamples(dataset);
  return dataset.samples.map((sample, index) => promptCaption(sample, dataset.metadata, byGenre.has(index)));
}

/**
 * Sets the dataset's "all instrumental" switch in place: a song that came with lyrics keeps its voice whatever the
 * switch says; every other takes the switch, and when it is on loses lyrics and language.
 */
export function setAllInstrumental(dataset: Dataset, on: boolean): void {
  dataset.metadata.all_instrumental = on;
  for (const sample of dataset.samples) {
    if (sample.raw_lyrics !== "") {
      sample.lyrics = sample.raw_lyrics;
      sample.is_instrumental = false;
    } else {
      sample.is_instrumental = on;
      if (on) Object.assign(sample, { lyrics: "[Instrumental]", language: "unknown" });
    }
  }
}
