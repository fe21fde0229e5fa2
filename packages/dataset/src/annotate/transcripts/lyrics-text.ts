import { cleanLrc, type LyricLine } from "../../lyrics/lrc.js";

/** Lyrics as they go into a dataset; empty text where the song has none. */
export interface Lyrics {
  text: string;
  lines: LyricLine[];
}

/**
 * Lyrics as a model or a page gives them: stamps set aside, no space at line ends, no more than one blank line.
 * "[Instrumental]" and the like are no lyrics.
 */
export function lyricsOf(raw: string): Lyrics {
  const cleaned = cleanLrc(raw.replace(/\r\n?/g, "\n"));
  const text = (cleaned?.text ?? raw)
    .split(/\r\n?|\n/)
    .map((line) => line.trim())
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
  const none = /^[[(]?\s*(?:instrumental|none|no lyrics|no vocals|n\/a)\s*[\])]?\.?$/i.test(text);
  return none || text === "" ? { text: "", lines: [] } : { text, lines: cleaned?.lines ?? [] };
}

/** `[Verse 1: Name]` as `[Verse 1]`: who sings is no structure. */
export function simplifySectionHeaders(lyrics: string): string {
  return lyrics.replace(/^\[\s*([^\]\n:]{1,60}?)\s*:[^\]\n]*\]$/gm, "[$1]");
}
