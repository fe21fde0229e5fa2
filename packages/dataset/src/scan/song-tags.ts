import { parseFromTokenizer, type IAudioMetadata, type ILyricsTag } from "music-metadata";
import { BufferSizeError } from "strtok3";
import type { ByteSource } from "../audio/byte-source.js";
import { kindWords, type AudioKind } from "../audio/kinds.js";
import { mayHoldWavTags } from "../audio/wav-tags.js";
import { SourceTokenizer } from "./source-tokenizer.js";

/** What the tags inside an audio file say. Absent fields were not there. */
export interface SongTags {
  artist?: string;
  title?: string;
  bpm?: string;
  key?: string;
  /** May be LRC. */
  lyrics?: string;
}

/** A header can be forged so that walking it takes forever. */
const longestMs = 3000;

/**
 * Reads the tags of an audio file: ID3, Vorbis comments, MP4, RIFF INFO, AIFF, APE, ASF, Matroska. Tags are extras: where they
 * are damaged the song stays, and one line says so.
 */
export async function readSongTags(
  source: ByteSource,
  kind: AudioKind,
): Promise<{ tags: SongTags; warnings: string[] }> {
  // By content, because names lie.
  const { mimeType } = kindWords[kind];
  const mayHoldTags = mimeType !== undefined && (kind !== "wav" || (await mayHoldWavTags(source)));
  if (!mayHoldTags) return { tags: {}, warnings: [] };
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort();
  }, longestMs);
  const tokenizer = new SourceTokenizer(source, mimeType, timeout.signal);
  let found: IAudioMetadata;
  try {
    found = await parseFromTokenizer(tokenizer, { duration: false, skipCovers: true });
  } catch (error) {
    const why = timeout.signal.aborted
      ? `took longer than ${longestMs / 1000} s`
      : error instanceof BufferSizeError
        ? "claim more bytes than any tag has"
        : "are damaged";
    return {
      tags: {},
      warnings: [`${source.path}: its tags ${why} and are not read; the audio is kept, write the tags again`],
    };
  } finally {
    clearTimeout(timer);
    await tokenizer.close();
  }
  return { tags: tagsOf(found), warnings: [] };
}

function tagsOf({ common, native }: IAudioMetadata): SongTags {
  const [lyrics] = common.lyrics ?? [];
  // Declared to be there always; tags of plain lyrics have none.
  const { syncText }: Partial<ILyricsTag> = lyrics ?? {};
  const timed = syncText?.flatMap(({ timestamp, text }) =>
    timestamp === undefined ? [] : [`[${stamp(timestamp)}]${text.replaceAll("\n", " ")}`],
  );
  const tags = {
    artist: clean(common.artist),
    title: clean(common.title),
    bpm: clean(common.bpm === undefined ? undefined : String(common.bpm)),
    key: clean(common.key ?? initialKey(native)),
    lyrics: clean(lyrics?.text ?? timed?.join("\n")),
  };
  return Object.fromEntries(Object.entries(tags).filter(([, value]) => value !== ""));
}

/** DJ programs write the key of FLAC, Ogg and MPEG-4 files under a name of their own. */
function initialKey(native: IAudioMetadata["native"]): string | undefined {
  const tag = Object.values(native)
    .flat()
    .find(({ id }) => /(?:^|:)initial[ _]?key$/i.test(id));
  return typeof tag?.value === "string" ? tag.value : undefined;
}

/** Tags of fixed width are filled up with NUL; line ends are as the writer's system had them. */
function clean(text: string | undefined): string {
  return (text ?? "").replaceAll("\0", "").replace(/\r\n?/g, "\n").trim();
}

function stamp(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000);
  return `${minutes}:${((milliseconds % 60_000) / 1000).toFixed(3).padStart(6, "0")}`;
}
