import { t } from "../words/words.js";

/** What people call a field; one that has no name here goes by its key. */
export function nameOf({ key, label }: { readonly key: string; readonly label: string }): string {
  const names: Readonly<Record<string, string>> = {
    caption: t("Caption"),
    genre: t("Genre"),
    lyrics: t("Lyrics"),
    bpm: t("Tempo (BPM)"),
    keyscale: t("Key"),
    timesignature: t("Time signature"),
    language: t("Language"),
    is_instrumental: t("Instrumental"),
    custom_tag: t("Trigger words"),
    prompt_override: t("Prompted by"),
    repeat: t("Repeats"),
    name: t("Name"),
    tag_position: t("Place of the trigger words"),
    genre_ratio: t("Songs prompted by genre (%)"),
    all_instrumental: t("All instrumental"),
    maxDurationS: t("Longest song (seconds)"),
    chunkS: t("Longest chunk (seconds)"),
    fieldDropout: t("For caption and lyrics dropout"),
    minConfidence: t("Least confidence"),
  };
  return names[key] ?? label.charAt(0).toUpperCase() + label.slice(1);
}
