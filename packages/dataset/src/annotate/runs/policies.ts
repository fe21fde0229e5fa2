import type { Sample, SampleAdditions } from "../../dataset-file/schema.js";
import type { AnnotatedField } from "../providers/provider.js";
import type { AnnotationPolicy } from "./settings.js";

/** Fields a policy writes over what is there. */
const overwritten: Readonly<Record<AnnotationPolicy, readonly AnnotatedField[]>> = {
  "fill-missing": [],
  "lyrics-only": [],
  "overwrite-caption": ["caption"],
  "overwrite-lyrics": ["lyrics", "language"],
  "overwrite-all": ["lyrics", "language", "caption", "genre", "bpm", "keyscale", "timesignature"],
};

export function overwrites(policy: AnnotationPolicy, field: AnnotatedField): boolean {
  return overwritten[policy].includes(field);
}

/**
 * Fields of a song that an answer would fill or replace. Empty unless lyrics or caption are among them: nobody is asked for
 * the rest alone.
 */
export function wantedFields(
  sample: Sample,
  gives: readonly AnnotatedField[],
  policy: AnnotationPolicy,
): AnnotatedField[] {
  const allowed = policy === "lyrics-only" ? gives.filter((field) => field === "lyrics") : gives;
  const wanted = allowed.filter((field) => overwrites(policy, field) || isMissing(sample, field));
  return wanted.includes("lyrics") || wanted.includes("caption") ? wanted : [];
}

/** Lyrics that a provider looked for and did not find are not missing. */
export function isMissing(sample: Sample, field: AnnotatedField): boolean {
  if (field === "lyrics") {
    const { provenance } = (sample["acewright"] ?? {}) as SampleAdditions;
    return hasNoLyrics(sample) && provenance?.["lyrics"]?.none !== true;
  }
  if (field === "language") return sample.language === "" || sample.language === "unknown";
  return sample[field] === "" || sample[field] === null;
}

export function hasNoLyrics({ lyrics, raw_lyrics }: Sample): boolean {
  return raw_lyrics.trim() === "" && /^(?:\[instrumental\])?$/i.test(lyrics.trim());
}
