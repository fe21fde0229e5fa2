import { createHash } from "node:crypto";
import { basename } from "node:path";
import { Sample, type SampleAdditions } from "../dataset-file/schema.js";
import type { SongNotes } from "./sidecars.js";

/** The dataset's record of one scanned song. */
export function songSample(audioPath: string, id: string, durationS: number, notes: SongNotes): Sample {
  const lyrics = notes.lyrics ?? "";
  const { language } = notes;
  const hasVoice = lyrics !== "" || (language !== undefined && language !== "instrumental");
  return Sample.parse({
    id,
    audio_path: audioPath,
    filename: basename(audioPath),
    caption: notes.caption ?? "",
    genre: notes.genre ?? "",
    lyrics: lyrics === "" ? "[Instrumental]" : lyrics,
    raw_lyrics: lyrics,
    bpm: notes.bpm ?? null,
    keyscale: notes.keyscale ?? "",
    timesignature: notes.timesignature ?? "",
    duration: Math.trunc(durationS),
    language: language === undefined || language === "instrumental" ? "unknown" : language,
    is_instrumental: !hasVoice,
    custom_tag: notes.customTag ?? "",
    labeled: notes.caption !== undefined,
    prompt_override: notes.promptOverride ?? null,
    ...(notes.repeat === undefined ? {} : { repeat: notes.repeat }),
    ...additions(notes),
  });
}

/** What the official schema has no key for. */
function additions({ artist, title, lyricLines }: SongNotes): { acewright?: SampleAdditions } {
  const known: SampleAdditions = {
    ...(artist === undefined ? {} : { artist }),
    ...(title === undefined ? {} : { title }),
    ...(lyricLines === undefined ? {} : { lyric_lines: lyricLines }),
  };
  return Object.keys(known).length === 0 ? {} : { acewright: known };
}

/** Eight hexadecimal digits, the same on each scan of the same folder, so that preprocessing can resume. */
export function songId(relativePath: string, taken: Set<string>): string {
  for (let attempt = 0; ; attempt++) {
    const id = createHash("sha256").update(`${attempt}\n${relativePath}`).digest("hex").slice(0, 8);
    if (taken.has(id)) continue;
    taken.add(id);
    return id;
  }
}
