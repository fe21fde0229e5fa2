import { basename } from "node:path";
import type { Sample, SampleAdditions } from "../../dataset-file/schema.js";

/** Who and what a song is, for looking it up. */
export interface SongIdentity {
  artist: string | undefined;
  title: string | undefined;
  /** Base name of the song. */
  fileName: string;
}

/** From the song's tags (a scan keeps them under `acewright`), else "Artist - Title" in the file's name, else the default artist. */
export function songIdentity(
  sample: Sample,
  audioFile: string,
  defaultArtist: string | undefined,
): SongIdentity {
  const fileName = basename(audioFile);
  const tags = (sample["acewright"] ?? {}) as SampleAdditions;
  const named = fromFileName(fileName);
  const artist = firstOf(tags.artist, named.artist, defaultArtist);
  return { artist, title: firstOf(tags.title, named.title), fileName };
}

function firstOf(...values: (string | undefined)[]): string | undefined {
  return values.map((value) => value?.trim()).find((value) => value !== undefined && value !== "");
}

/** "03 - Ann Lee - Two Times.mp3" is Ann Lee's "Two Times"; without a dash the name is the title. */
export function fromFileName(fileName: string): { artist: string | undefined; title: string } {
  const stem = fileName.replace(/\.[^.]*$/, "").replaceAll("_", " ");
  const parts = stem
    .replace(/^\s*\d{1,3}(?:\s*[.)]\s*|\s+-\s+|\s+(?=\S+.* [-–—] ))/, "")
    .split(/\s+[-–—]\s+/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const [artist, ...title] = parts;
  if (artist === undefined) return { artist: undefined, title: stem.trim() };
  return title.length === 0 ? { artist: undefined, title: artist } : { artist, title: title.join(" - ") };
}
