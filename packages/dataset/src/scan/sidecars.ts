import { join } from "node:path";
import { findJsonMistake } from "../dataset-file/json-mistake.js";
import { normaliseKey } from "../dataset-file/key-name.js";
import { normaliseTimeSignature } from "../dataset-file/time-signature.js";
import { cleanLrc, type LyricLine } from "../lyrics/lrc.js";
import type { FinderRow } from "./finder-csv.js";
import { readTextFile } from "./read-text.js";
import { parseSideStepText, type SideStepFields } from "./side-step-text.js";
import type { SongTags } from "./song-tags.js";

/** What the files beside a song and the tags inside say of it. Absent fields were said nowhere. */
export interface SongNotes {
  artist?: string;
  title?: string;
  caption?: string;
  genre?: string;
  lyrics?: string;
  /** When the lines are sung, where an LRC form said so. */
  lyricLines?: LyricLine[];
  bpm?: number;
  keyscale?: string;
  timesignature?: string;
  language?: string;
  customTag?: string;
  promptOverride?: "caption" | "genre";
  repeat?: number;
}

/** Songs are described by these keys of `{stem}.json`; others are told, not silently dropped. */
const jsonKeys = ["caption", "genre", "bpm", "keyscale", "timesignature", "language"];

/** True when any of the files that describe the song is there. */
export function hasSidecars(names: ReadonlySet<string>, songName: string): boolean {
  const stem = stemOf(songName);
  return [".caption.txt", ".lyrics.txt", ".txt", ".lrc", ".json"].some((suffix) => names.has(stem + suffix));
}

/** The name less its last extension only: `a.b.mp3` to `a.b`. */
function stemOf(songName: string): string {
  return songName.replace(/\.[^.]*$/, "");
}

/** All that may describe one song. */
export interface SongSources {
  folder: string;
  /** Names of all files in the folder. */
  names: ReadonlySet<string>;
  songName: string;
  row: FinderRow | undefined;
  tags: SongTags;
  /** Leave LRC stamps in lyrics, as the official trainer does. */
  keepStamps: boolean;
}

/**
 * Reads the sidecars of one song. Weakest first for caption and metadata: the tags inside the file, `.caption.txt`, `.txt` of
 * "key: value" lines, `.json`, the table's row. For lyrics the strongest first: `.lyrics.txt`, `.txt`, `.lrc`, the tags. Empty
 * values never override.
 */
export async function readSidecars(sources: SongSources): Promise<{ notes: SongNotes; warnings: string[] }> {
  const { folder, names, songName, row, tags } = sources;
  const stem = stemOf(songName);
  const warnings: string[] = [];
  const read = async (suffix: string): Promise<string> => {
    if (!names.has(stem + suffix)) return "";
    const file = await readTextFile(join(folder, stem + suffix));
    warnings.push(...file.warnings);
    return file.text.trim();
  };
  const notes: SongNotes = {};
  const { artist, title, key } = tags;
  put(notes, { artist, title, keyscale: normaliseKey(key ?? ""), ...wholeNumber("bpm", tags.bpm) });
  const text = await read(".txt");
  const sideStep = parseSideStepText(text);
  put(notes, { caption: await read(".caption.txt") });
  if (sideStep !== undefined) put(notes, fromSideStep(sideStep));
  const plain = sideStep === undefined ? text : wordsOf(sideStep);
  const lrc = await read(".lrc");
  const lyrics = [await read(".lyrics.txt"), plain, lrc, tags.lyrics ?? ""].find((words) => words !== "");
  if (lyrics !== undefined) put(notes, sources.keepStamps ? { lyrics } : withTiming(lyrics, lrc));
  const jsonName = `${stem}.json`;
  if (names.has(jsonName)) put(notes, fromJson(await read(".json"), join(folder, jsonName), warnings));
  if (row !== undefined) {
    put(notes, { caption: row.caption, keyscale: row.key, ...wholeNumber("bpm", row.bpm) });
  }
  return { notes, warnings };
}

/** Lyrics without stamps, and when they are sung: by their own stamps, else by those of the `.lrc` beside. */
function withTiming(lyrics: string, lrc: string): SongNotes {
  const cleaned = cleanLrc(lyrics);
  const timed = (cleaned ?? cleanLrc(lrc))?.lines ?? [];
  const { ar, ti } = cleaned?.tags ?? {};
  return {
    lyrics: cleaned?.text ?? lyrics,
    ...(timed.length === 0 ? {} : { lyricLines: timed }),
    ...(ar === undefined ? {} : { artist: ar }),
    ...(ti === undefined ? {} : { title: ti }),
  };
}

/** Sets what is there: empty strings, zero and null never take the place of something. */
function put(notes: SongNotes, found: { [Key in keyof SongNotes]?: SongNotes[Key] | undefined }): void {
  const truthy = Object.entries(found).filter(
    ([, value]) => value !== undefined && value !== "" && value !== 0,
  );
  Object.assign(notes, Object.fromEntries(truthy));
}

function fromSideStep(fields: SideStepFields): SongNotes {
  const override = fields.prompt_override;
  return {
    ...(fields.caption === undefined ? {} : { caption: fields.caption }),
    ...(fields.genre === undefined ? {} : { genre: fields.genre }),
    ...(fields.key === undefined ? {} : { keyscale: fields.key }),
    ...(fields.signature === undefined ? {} : { timesignature: normaliseTimeSignature(fields.signature) }),
    ...(fields.language === undefined ? {} : { language: fields.language }),
    ...(fields.custom_tag === undefined ? {} : { customTag: fields.custom_tag }),
    ...(override === "caption" || override === "genre" ? { promptOverride: override } : {}),
    ...wholeNumber("bpm", fields.bpm),
    ...wholeNumber("repeat", fields.repeat),
  };
}

/** Side-Step writes "[Instrumental]" as the lyrics of a song without any. */
function wordsOf(fields: SideStepFields): string {
  const lyrics = fields.lyrics ?? "";
  return /^\[instrumental\]$/i.test(lyrics) ? "" : lyrics;
}

function fromJson(text: string, path: string, warnings: string[]): SongNotes {
  const json = parseObject(text, path, warnings);
  if (json === undefined) return {};
  const string = (key: string): string => {
    const value = json[key];
    if (typeof value === "string") return value.trim();
    if (typeof value === "number") return String(value);
    if (value !== undefined && value !== null) warnings.push(`${path}: "${key}" is no text; ignored`);
    return "";
  };
  const unknown = Object.keys(json).filter((key) => !jsonKeys.includes(key));
  if (unknown.length > 0) {
    warnings.push(
      `${path}: ${unknown.map((key) => `"${key}"`).join(", ")} not read; known are ${jsonKeys.join(", ")}`,
    );
  }
  return {
    caption: string("caption"),
    genre: string("genre"),
    keyscale: string("keyscale"),
    timesignature: normaliseTimeSignature(string("timesignature")),
    language: string("language"),
    ...wholeNumber("bpm", string("bpm")),
  };
}

function parseObject(text: string, path: string, warnings: string[]): Record<string, unknown> | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    const mistake = findJsonMistake(text);
    const where =
      mistake === undefined ? "" : ` (line ${mistake.line}, column ${mistake.column}: ${mistake.what})`;
    warnings.push(`${path}: is no JSON${where}; ignored, correct it there`);
    return undefined;
  }
  if (typeof json === "object" && json !== null && !Array.isArray(json))
    return json as Record<string, unknown>;
  warnings.push(`${path}: an object was expected; ignored`);
  return undefined;
}

/** "120.7" to 120; nothing for what is no number. */
function wholeNumber<Key extends "bpm" | "repeat">(
  key: Key,
  text: string | undefined,
): { [K in Key]?: number } {
  const number = text === undefined || text.trim() === "" ? Number.NaN : Math.trunc(Number(text));
  return (Number.isFinite(number) ? { [key]: number } : {}) as { [K in Key]?: number };
}
