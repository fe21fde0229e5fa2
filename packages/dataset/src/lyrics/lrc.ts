import { findStamps, stampSeconds, stampReading, type Stamp } from "./lrc-stamps.js";

/** One sung line and when. Times are seconds from the beginning of the song. */
export interface LyricLine {
  start_s: number;
  /** Where the file marks the line's end by a stamp without words. */
  end_s?: number;
  text: string;
  /** Where the file stamps words or syllables. */
  words?: { start_s: number; text: string }[];
  /** How sure a transcription is of the line, 0 to 1. */
  confidence?: number;
}

/** Lyrics with everything that is no lyrics set aside. */
export interface CleanLyrics {
  /** Lines in the order they are sung, repeated lines written out; structure tags such as "[Verse]" are kept. */
  text: string;
  lines: LyricLine[];
  /** ID tags by lower-case name: `ar`, `ti`, `offset`. */
  tags: Record<string, string>;
}

/** Names of ID tags in use; "[Verse: Ann]" is structure, not a tag. */
const idTag =
  /^\[\s*(ar|artist|ti|title|al|album|au|author|lr|by|offset|re|tool|ve|version|length|la|lang|language|id|hash|sign|qq|total|t_time|encoding|kana|manualoffset|#)\s*:([^\]]*)\]$/i;

/**
 * Takes stamps and ID tags out of LRC lyrics of any form: `[mm:ss]`, fractions of one to three digits, hours, several
 * stamps before a line, stamped words (`<mm:ss.xx>` or in brackets), `[offset:ms]`.
 *
 * @returns undefined for plain lyrics: no stamp anywhere and no ID tag at the top.
 */
export function cleanLrc(text: string): CleanLyrics | undefined {
  const lines = text.split("\n").map((line) => line.trim());
  const parsed = lines.map((line) => ({ line, stamps: findStamps(line) }));
  const first = lines.find((line) => line !== "");
  if (parsed.every(({ stamps }) => stamps.length === 0) && (first === undefined || !idTag.test(first)))
    return undefined;

  const tags: Record<string, string> = {};
  const sung = parsed.filter(({ line }) => {
    const [, name, value] = idTag.exec(line) ?? [];
    if (name !== undefined) tags[name.toLowerCase()] ??= (value ?? "").trim();
    return name === undefined;
  });
  // Positive offsets make lyrics appear earlier, by convention of the players that read them.
  const offsetMs = Number(tags["offset"] ?? 0);
  const offsetS = Number.isFinite(offsetMs) ? offsetMs / 1000 : 0;
  const reading = stampReading(parsed.flatMap(({ stamps }) => stamps));
  const timeOf = (stamp: Stamp): number => rounded(Math.max(0, stampSeconds(stamp, reading) - offsetS));
  return { ...inOrder(sung.map(({ line, stamps }) => readLine(line, stamps, timeOf))), tags };
}

interface ReadLine {
  /** Empty for a line without a stamp at its beginning. */
  starts: number[];
  text: string;
  words: { start_s: number; text: string }[];
}

function readLine(line: string, stamps: readonly Stamp[], timeOf: (stamp: Stamp) => number): ReadLine {
  const leading: Stamp[] = [];
  let from = 0;
  for (const stamp of stamps) {
    if (stamp.kind !== "line" || line.slice(from, stamp.at).trim() !== "") break;
    leading.push(stamp);
    from = stamp.end;
  }
  const starts = leading.map(timeOf);
  const inside = stamps.slice(leading.length);
  // Karaoke files put the singer's letter before the line.
  const rest = starts.length > 0 ? line.slice(from).replace(/^\s*[MFD]:\s?/, "") : line;
  const cut = line.length - rest.length;
  let text = "";
  let at = 0;
  for (const stamp of inside) {
    text += rest.slice(at, stamp.at - cut);
    at = stamp.end - cut;
  }
  text = (text + rest.slice(at)).replace(/\s+/g, " ").trim();
  const before = rest.slice(0, (inside[0]?.at ?? 0) - cut).trim();
  const words = inside.map((stamp, index) => ({
    start_s: timeOf(stamp),
    text: rest.slice(stamp.end - cut, (inside[index + 1]?.at ?? line.length) - cut).trim(),
  }));
  if (inside.length > 0 && before !== "" && starts[0] !== undefined)
    words.unshift({ start_s: starts[0], text: before });
  return {
    starts: starts.length === 0 && inside[0] !== undefined ? [timeOf(inside[0])] : starts,
    text,
    words: words.filter((word) => word.text !== ""),
  };
}

/** Sorts by time. Lines without a stamp stay before the line they stand before; structure tags repeat with it. */
function inOrder(lines: readonly ReadLine[]): Pick<CleanLyrics, "text" | "lines"> {
  const blocks: { start: number; texts: string[]; line?: LyricLine }[] = [];
  let waiting: string[] = [];
  for (const { starts, text, words } of lines) {
    if (starts.length === 0) {
      if (text !== "") waiting.push(text);
      continue;
    }
    for (const [index, start] of starts.entries()) {
      const before = index === 0 ? waiting : waiting.filter((line) => /^\[.*\]$/.test(line));
      // A repeated line's words are stamped for its first time.
      const timedWords = index === 0 && words.length > 0 ? { words } : {};
      blocks.push({ start, texts: [...before, text], line: { start_s: start, text, ...timedWords } });
    }
    waiting = [];
  }
  blocks.sort((a, b) => a.start - b.start);
  blocks.push({ start: Infinity, texts: waiting });
  const timed: LyricLine[] = [];
  for (const { line } of blocks) {
    if (line === undefined) continue;
    const last = timed.at(-1);
    if (line.text !== "") timed.push(line);
    else if (last !== undefined) last.end_s ??= line.start_s;
  }
  const text = blocks.flatMap(({ texts }) => texts.filter((line) => line !== "")).join("\n");
  return { text, lines: timed };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
