import type { Sample } from "../../dataset-file/schema.js";
import { cleanLrc } from "../../lyrics/lrc.js";
import { remark, type Remark } from "../finding.js";
import { scriptOf } from "./languages.js";

/** Written in Latin letters, these are romanised, which the model may still sing. */
const oftenRomanised: ReadonlySet<string> = new Set("ja ko zh yue hi ar ru fa el th".split(" "));

/** What does not fit between lyrics, language and the instrumental flag. */
export function lyricsRemarks(sample: Sample): Remark[] {
  const { lyrics } = sample;
  const sung = lyrics.replace(/\[[^\]]*\]/g, "").trim();
  const isEmpty = lyrics.trim() === "" || /^\[instrumental\]$/i.test(lyrics.trim());
  const found: Remark[] = [];
  const mismatch = (what: string, fix: string): void => {
    found.push(remark("warning", "instrumental-mismatch", "is_instrumental", what, fix));
  };
  if (sample.is_instrumental && sung !== "") {
    mismatch("is marked instrumental and has lyrics", "clear is_instrumental, or the lyrics");
  }
  if (!sample.is_instrumental && isEmpty) {
    mismatch("is marked as sung and has no lyrics", "write or transcribe the lyrics, or set is_instrumental");
  }
  if (!isEmpty && cleanLrc(lyrics) !== undefined) {
    const what = "its lyrics hold LRC stamps, which the model would sing";
    const fix = "run acewright dataset clean-lyrics on the dataset";
    found.push(remark("warning", "lrc-stamps", "lyrics", what, fix));
  }
  return isEmpty ? found : [...found, ...scriptRemarks(sample)];
}

function scriptRemarks({ lyrics, language }: Sample): Remark[] {
  const script = scriptOf(lyrics);
  const header = language.toLowerCase();
  if (script === undefined || script.languages.includes(header)) return [];
  const [likeliest] = script.languages;
  if (header === "unknown" || header === "") {
    // Latin letters say nothing of the language.
    if (script.name === "Latin" || likeliest === undefined) return [];
    const what = `has lyrics in ${script.name} and no language`;
    return [remark("info", "language-mismatch", "language", what, `write "${likeliest}"`, likeliest)];
  }
  const what = `language says "${language}", the lyrics are written in ${script.name}`;
  if (script.name === "Latin") {
    const fix = "correct language, or give the lyrics in their own script";
    return [
      remark(oftenRomanised.has(header) ? "info" : "warning", "language-mismatch", "language", what, fix),
    ];
  }
  return [remark("warning", "language-mismatch", "language", what, `write "${likeliest ?? ""}"`, likeliest)];
}
