import { promptCaption } from "../../dataset-file/prompt-caption.js";
import type { DatasetMetadata, Sample } from "../../dataset-file/schema.js";
import { lyricsPrompt, promptLimits, textPrompt, type Conditioning } from "../../prompts.js";
import { remark, type Remark } from "../finding.js";

/** How many tokens a text is for the model's tokenizer, with what it appends. */
export type CountTokens = (text: string) => number | Promise<number>;

/** How prompts will be made and counted. */
export interface PromptCounting {
  countTokens: CountTokens;
  conditioning: Conditioning;
}

/** Whether caption and lyrics fit into what the model reads; where not, from which words on they are cut. */
export async function tokenRemarks(
  sample: Sample,
  metadata: DatasetMetadata,
  useGenre: boolean,
  { countTokens, conditioning }: PromptCounting,
): Promise<Remark[]> {
  const limits = promptLimits[conditioning];
  const caption = promptCaption(sample, metadata, useGenre);
  const fields = { ...sample, caption, durationS: sample.duration };
  const found: Remark[] = [];

  const text = textPrompt(fields);
  const textTokens = await countTokens(text);
  if (textTokens > limits.text) {
    // For inference the caption gives way to what follows it; the official trainer cuts the end, whatever stands there.
    const promptOf =
      conditioning === "inference" ? (part: string) => textPrompt({ ...fields, caption: part }) : same;
    const whole = conditioning === "inference" ? caption : text;
    const kept = await keptLength(whole, (part) => countTokens(promptOf(part)), limits.text);
    const over = textTokens - limits.text;
    const captionStart = text.indexOf(caption);
    const keptOfCaption = conditioning === "inference" ? kept : Math.max(0, kept - captionStart);
    if (keptOfCaption < caption.length) {
      const what = `the caption makes a prompt of ${textTokens} tokens, ${limits.text} are read: ${over} are cut, from ${beginning(caption, keptOfCaption)}`;
      found.push(
        remark("warning", "caption-too-long", "caption", what, `shorten the caption by ${over} tokens`),
      );
    }
    if (conditioning === "official") found.push(...lostMetas(text, kept, over));
  }

  const lyrics = lyricsPrompt(fields, conditioning);
  const lyricsTokens = await countTokens(lyrics);
  if (lyricsTokens > limits.lyrics) {
    const kept = await keptLength(lyrics, countTokens, limits.lyrics);
    const what = `the lyrics are ${lyricsTokens} tokens, ${limits.lyrics} are read: ${lyricsTokens - limits.lyrics} are cut, from ${beginning(lyrics, kept)}`;
    const fix = "shorten the lyrics, or cut the song into parts with their own lyrics";
    found.push(remark("warning", "lyrics-too-long", "lyrics", what, fix));
  }
  return found;
}

/** The Metas block stands at the end of the prompt, so the official cut takes it first. */
function lostMetas(text: string, kept: number, over: number): Remark[] {
  const lines = text.slice(kept).split("\n");
  const lost = ["bpm", "timesignature", "keyscale", "duration"].filter((name) => {
    const line = text.split("\n").find((candidate) => candidate.startsWith(`- ${name}:`)) ?? "";
    return line !== "" && text.lastIndexOf(line) + line.length > kept;
  });
  if (lost.length === 0 || lines.length === 0) return [];
  const what = `the official cut of the prompt takes ${lost.join(", ")} of the Metas block`;
  const fix = `shorten the caption by ${over} tokens, or use inference conditioning, which keeps them`;
  return [remark("warning", "metas-lost", "caption", what, fix)];
}

/** Characters of the longest beginning that counts to at most `limit`. */
async function keptLength(text: string, count: CountTokens, limit: number): Promise<number> {
  let [fits, tooLong] = [0, text.length];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if ((await count(text.slice(0, middle))) <= limit) fits = middle;
    else tooLong = middle;
  }
  return fits;
}

/** The first words that are cut, to be found again in an editor. */
function beginning(text: string, from: number): string {
  const cut = text.slice(from).replace(/\s+/g, " ").trim();
  return JSON.stringify(cut.length > 40 ? `${cut.slice(0, 40)}...` : cut);
}

function same(text: string): string {
  return text;
}
