import { keptChanges, type Dataset, type Sample, SampleEdit, type SampleAdditions } from "@acewright/dataset";
import type { Maker, SongRow, SongView } from "../dataset-api.js";
import type { OpenDataset } from "./dataset-files.js";
import { storedAnalysis } from "@acewright/dataset";

/** The songs as the table shows them: short, for there may be thousands. */
export function songRows({ songs }: OpenDataset): SongRow[] {
  return songs.map(({ sample, isMissing }, song) => ({
    song,
    file: sample.audio_path,
    filename: sample.filename === "" ? sample.audio_path : sample.filename,
    isMissing,
    duration: sample.duration,
    caption: sample.caption,
    genre: sample.genre,
    lines: sungLines(sample),
    bpm: sample.bpm,
    keyscale: sample.keyscale,
    timesignature: sample.timesignature,
    language: sample.language,
    customTag: sample.custom_tag,
    labeled: sample.labeled,
  }));
}

/** What of a dataset as a whole can be edited. */
export function metadataView({ metadata }: Dataset) {
  const { name, custom_tag, tag_position, genre_ratio, all_instrumental } = metadata;
  return { name, custom_tag, tag_position, genre_ratio, all_instrumental };
}

/** One song in full. */
export function songView(
  { revision }: Pick<OpenDataset, "revision">,
  dataset: Dataset,
  song: number,
): SongView | undefined {
  const sample = dataset.samples[song];
  if (sample === undefined) return undefined;
  const record: Readonly<Record<string, unknown>> = sample;
  return {
    song,
    file: sample.audio_path,
    revision,
    values: Object.fromEntries(Object.keys(SampleEdit.shape).map((key) => [key, record[key]])),
    makers: makersOf(sample),
    lyricLines: listOf(additionsOf(sample).lyric_lines).filter(
      ({ start_s: start, text }) => typeof start === "number" && typeof text === "string",
    ),
  };
}

/** What can be undone, as the page tells it. */
export const historyOf = ({ file }: Pick<OpenDataset, "file">) => keptChanges(file);

/** Songs whose words hold all words of a search, in any case. */
export function searchSongs({ dataset }: OpenDataset, text: string): number[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  return dataset.samples.flatMap((sample, index) => {
    const { filename, audio_path, caption, genre, lyrics, keyscale, custom_tag } = sample;
    const { artist = "", title = "" } = additionsOf(sample);
    const all = [filename, audio_path, caption, genre, lyrics, keyscale, custom_tag, artist, title]
      .join("\n")
      .toLowerCase();
    return words.every((word) => all.includes(word)) ? [index] : [];
  });
}

function sungLines({ is_instrumental, lyrics }: Sample): number {
  if (is_instrumental || /^\s*\[instrumental\]\s*$/i.test(lyrics)) return 0;
  return lyrics.split("\n").filter((line) => line.trim() !== "" && !/^\s*\[.*\]\s*$/.test(line)).length;
}

/** A file that was written by hand may hold anything here. */
function additionsOf(sample: Sample): SampleAdditions {
  const additions = sample["acewright"];
  return typeof additions === "object" && additions !== null ? additions : {};
}

function listOf<Item>(value: readonly Item[] | undefined): readonly Item[] {
  return Array.isArray(value) ? (value as readonly Item[]) : [];
}

/** Labels and transcriptions say so themselves; analysis tells which fields it filled. */
function makersOf(sample: Sample): Record<string, Maker> {
  const makers: Record<string, Maker> = {};
  for (const [field, made] of Object.entries(additionsOf(sample).provenance ?? {})) {
    if (typeof made !== "object") continue;
    const { by, model, low, confidence } = made;
    makers[field] = {
      by,
      ...(model === "" ? {} : { model }),
      isUnsure: low === true,
      ...(confidence === undefined ? {} : { confidence }),
    };
  }
  const analysis = storedAnalysis(sample);
  for (const field of analysis?.filled ?? []) {
    const heard = analysis?.[field];
    if (heard === null || heard === undefined) continue;
    // The tempo is written as a whole number.
    const written = typeof heard.value === "number" ? Math.round(heard.value) : heard.value;
    if (sample[field] !== written) continue;
    makers[field] = {
      by: "analysis",
      isUnsure: heard.confidence < unsureBelow,
      confidence: heard.confidence,
    };
  }
  return makers;
}

/** As `dataset analyze` puts values on its list of what a person should check. */
const unsureBelow = 0.6;
