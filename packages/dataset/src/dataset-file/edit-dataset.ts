import { AceError } from "@acewright/core-native";
import { z } from "zod";
import { pickSamples } from "./filter-samples.js";
import { normaliseKey } from "./key-name.js";
import { setAllInstrumental } from "./prompt-caption.js";
import { DatasetMetadata, type Dataset, type Sample, type SampleAdditions } from "./schema.js";
import { normaliseTimeSignature } from "./time-signature.js";

/** What an edit may set in a song. */
export const SampleEdit = z
  .strictObject({
    caption: z.string().trim().describe("what the song sounds like; makes the song labeled"),
    genre: z.string().trim().describe("short genre words; make the song labeled"),
    lyrics: z.string().trim().describe('lyrics; "[Instrumental]" for none'),
    bpm: z.number().int().min(30).max(300).describe("beats per minute"),
    keyscale: z.string().trim().describe('key, such as "C major" or "Am"'),
    timesignature: z.string().trim().describe("beats of a bar: 2, 3, 4 or 6"),
    language: z.string().trim().describe('language code of the lyrics, such as "en"'),
    is_instrumental: z
      .boolean()
      .describe("no voice; lyrics become [Instrumental]")
      .meta({ flag: "instrumental" }),
    custom_tag: z.string().trim().describe("trigger words of the song, instead of the dataset's"),
    prompt_override: z
      .enum(["caption", "genre"])
      .describe("what the song is prompted by, whatever the genre ratio"),
    repeat: z.number().int().min(1).max(1000).describe("how often the song stands in an epoch"),
  })
  .partial();
export type SampleEdit = z.infer<typeof SampleEdit>;
type EditKey = keyof SampleEdit;

const { name, tag_position, genre_ratio, all_instrumental } = DatasetMetadata.shape;

/** What an edit may set for the dataset as a whole. Without the defaults of the file, or each edit would set them. */
export const MetadataEdit = z
  .strictObject({
    name: z
      .string()
      .trim()
      .describe(name.description ?? ""),
    tag_position: tag_position.unwrap().describe(tag_position.description ?? ""),
    genre_ratio: genre_ratio.unwrap().describe(genre_ratio.description ?? ""),
    all_instrumental: all_instrumental.unwrap().describe(all_instrumental.description ?? ""),
  })
  .partial();
export type MetadataEdit = z.infer<typeof MetadataEdit>;

/** Fields in which text can be replaced. */
export const editableTexts = ["caption", "genre", "lyrics", "keyscale", "language", "custom_tag"] as const;

export interface DatasetEdit {
  /** Which songs; see {@link filterSamples}. All by default. */
  where?: readonly string[];
  /** And of those only the samples with these indices. */
  songs?: readonly number[];
  set?: SampleEdit;
  /** Fields to empty. */
  clear?: readonly EditKey[];
  /** Text to replace, literally and everywhere, in one field. */
  replace?: { field: (typeof editableTexts)[number]; find: string; by: string };
  metadata?: MetadataEdit;
}

/** One value that an edit changes. */
export interface Change {
  /** Index of the sample; undefined for the dataset's metadata. */
  sample: number | undefined;
  key: string;
  before: unknown;
  after: unknown;
}

const emptyValues: Required<{ [Key in EditKey]: unknown }> = {
  caption: "",
  genre: "",
  lyrics: "[Instrumental]",
  bpm: null,
  keyscale: "",
  timesignature: "",
  language: "unknown",
  is_instrumental: false,
  custom_tag: "",
  prompt_override: null,
  repeat: undefined,
};

/**
 * Applies an edit by the official editor's rules: a caption or genre makes a song labeled, lyrics give it a voice, an
 * instrumental loses lyrics and language. The dataset given stays as it is.
 *
 * @throws {AceError} ERR_CONFIG for a bad filter or value, or when nothing is to be done.
 */
export function editDataset(
  dataset: Dataset,
  edit: DatasetEdit,
): { dataset: Dataset; changes: Change[]; selected: number[] } {
  const set = checked(SampleEdit, edit.set ?? {});
  const metadata = checked(MetadataEdit, edit.metadata ?? {});
  const { clear = [], replace } = edit;
  if (Object.keys(set).length + Object.keys(metadata).length + clear.length === 0 && replace === undefined) {
    throw new AceError("ERR_CONFIG", "nothing to change; name a field and its value, such as caption or bpm");
  }
  if (replace?.find === "") throw new AceError("ERR_CONFIG", "find: a text to look for was expected");
  const selected = pickSamples(dataset, edit.where ?? [], edit.songs);
  const edited: Dataset = { ...dataset, metadata: { ...dataset.metadata }, samples: [...dataset.samples] };
  for (const index of selected) {
    const sample = dataset.samples[index];
    if (sample !== undefined) edited.samples[index] = editSample(sample, set, clear, replace);
  }
  const { all_instrumental, ...others } = metadata;
  Object.assign(edited.metadata, others);
  if (all_instrumental !== undefined) {
    edited.samples = edited.samples.map((sample) => ({ ...sample }));
    setAllInstrumental(edited, all_instrumental);
  }
  // Who made a value goes with the value; it is no change of its own.
  const changes = differences(dataset, edited).filter(({ key }) => key !== "acewright");
  return { dataset: edited, changes, selected };
}

function editSample(
  sample: Sample,
  set: SampleEdit,
  clear: readonly EditKey[],
  replace: DatasetEdit["replace"],
): Sample {
  const replaced =
    replace === undefined
      ? {}
      : { [replace.field]: sample[replace.field].split(replace.find).join(replace.by) };
  const cleared = Object.fromEntries(clear.map((key) => [key, emptyValues[key]]));
  const wanted = { ...cleared, ...replaced, ...set } as Partial<Sample>;
  const edited: Sample = { ...sample, ...wanted };
  if (edited["repeat"] === undefined) delete edited["repeat"];
  if (wanted.keyscale !== undefined) edited.keyscale = normaliseKey(wanted.keyscale);
  if (wanted.timesignature !== undefined) edited.timesignature = normaliseTimeSignature(wanted.timesignature);
  if (wanted.lyrics !== undefined && wanted.lyrics !== sample.lyrics) setLyrics(edited, wanted.lyrics);
  if (set.is_instrumental === true) {
    Object.assign(edited, {
      lyrics: "[Instrumental]",
      formatted_lyrics: "[Instrumental]",
      language: "unknown",
    });
  }
  if (wanted.caption !== undefined || wanted.genre !== undefined)
    edited.labeled = edited.caption !== "" || edited.genre !== "";
  return withoutMakers(
    edited,
    Object.keys(wanted).filter((key) => edited[key] !== sample[key]),
  );
}

/** Fields that a person has changed are no longer a machine's. */
function withoutMakers(sample: Sample, changed: readonly string[]): Sample {
  const additions = sample["acewright"] as SampleAdditions | undefined;
  const { provenance } = additions ?? {};
  if (provenance === undefined || !changed.some((key) => key in provenance)) return sample;
  const left = Object.entries(provenance).filter(([field]) => !changed.includes(field));
  return { ...sample, acewright: { ...additions, provenance: Object.fromEntries(left) } };
}

/** The user's own words: later switches and labels keep them. */
export function setLyrics(sample: Sample, lyrics: string): void {
  const none = lyrics === "" || /^\[instrumental\]$/i.test(lyrics);
  const written = none ? "[Instrumental]" : lyrics;
  Object.assign(sample, {
    lyrics: written,
    formatted_lyrics: written,
    raw_lyrics: none ? "" : lyrics,
    is_instrumental: none,
  });
}

/** Every value in which two versions of a dataset with the same songs differ. */
export function differences(before: Dataset, after: Dataset): Change[] {
  const compare = (from: object, to: object, sample: number | undefined): Change[] => {
    if (from === to) return [];
    const [old, now] = [from as Record<string, unknown>, to as Record<string, unknown>];
    return [...new Set([...Object.keys(old), ...Object.keys(now)])].flatMap((key) =>
      JSON.stringify(old[key]) === JSON.stringify(now[key])
        ? []
        : [{ sample, key, before: old[key], after: now[key] }],
    );
  };
  return [
    ...compare(before.metadata, after.metadata, undefined),
    ...after.samples.flatMap((sample, index) => compare(before.samples[index] ?? {}, sample, index)),
  ];
}

function checked<Value>(schema: z.ZodType<Value>, value: unknown): Value {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new AceError("ERR_CONFIG", `${issue?.path.join(".") ?? "edit"}: ${issue?.message ?? "not valid"}`);
}
