import { promptCaption } from "../dataset-file/prompt-caption.js";
import type { DatasetMetadata, Sample } from "../dataset-file/schema.js";
import { lyricsPrompt, promptLimits, textPrompt, type Conditioning } from "../prompts.js";
import type { Finding, FindingCode } from "./finding.js";

/** How many tokens a text is for the model's tokenizer, with what it appends. */
export type CountTokens = (text: string) => number | Promise<number>;

/** How prompts will be made and counted. */
export interface PromptCounting {
  countTokens: CountTokens;
  conditioning: Conditioning;
}

const languages = new Set(
  (
    "ar az bg bn ca cs da de el en es fa fi fr he hi hr ht hu id is it ja ko la lt ms ne nl no pa pl pt ro ru sa sk " +
    "sr sv sw ta te th tl tr uk ur vi yue zh unknown"
  ).split(" "),
);

/** The seventy keys the language model knows. */
const keyPattern = /^[A-G](?:#|b|♯|♭)? (?:major|minor)$/;

/** Looks at the text and numbers of one sample. `sample.bpm` and the like are optional: absence is no finding. */
export async function checkFields(
  sample: Sample,
  index: number,
  metadata: DatasetMetadata,
  useGenre: boolean,
  counting: PromptCounting | undefined,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const name = sample.filename === "" ? `samples[${index}]` : sample.filename;
  const add = (severity: Finding["severity"], code: FindingCode, what: string, fix: string): void => {
    findings.push({ severity, code, sample: index, message: `${name}: ${what}`, fix });
  };

  const caption = promptCaption(sample, metadata, useGenre);
  if (caption === "") {
    add(
      "warning",
      "missing-caption",
      "has no caption",
      "write what the song sounds like, or let it be captioned",
    );
  }
  if (sample.bpm !== null && (!Number.isInteger(sample.bpm) || sample.bpm < 30 || sample.bpm > 300)) {
    add(
      "warning",
      "odd-bpm",
      `bpm ${sample.bpm}, a whole number from 30 to 300 was expected`,
      "correct bpm or clear it",
    );
  }
  if (sample.keyscale !== "" && !keyPattern.test(sample.keyscale)) {
    const what = `keyscale "${sample.keyscale}" is none the model knows`;
    add("info", "odd-key", what, 'write it like "C major" or "F# minor", or leave it if the key is meant');
  }
  if (sample.timesignature !== "" && !["2", "3", "4", "6"].includes(sample.timesignature)) {
    const what = `timesignature "${sample.timesignature}" is none the model knows`;
    add("info", "odd-time-signature", what, "write 2, 3, 4 or 6, or leave it if the metre is meant");
  }
  if (!languages.has(sample.language)) {
    const what = `language "${sample.language}" is none the model knows`;
    add("warning", "odd-language", what, 'write a code such as "en", or "unknown"');
  }
  if (counting !== undefined) {
    const { countTokens, conditioning } = counting;
    const limits = promptLimits[conditioning];
    const fields = { ...sample, caption, durationS: sample.duration };
    const textTokens = await countTokens(textPrompt(fields));
    if (textTokens > limits.text) {
      const what = `the caption makes a prompt of ${textTokens} tokens, ${limits.text} are read`;
      const fix = `shorten the caption by about ${textTokens - limits.text} tokens; its end would be cut off`;
      add("warning", "caption-too-long", what, fix);
    }
    const lyricsTokens = await countTokens(lyricsPrompt(fields, conditioning));
    if (lyricsTokens > limits.lyrics) {
      const what = `the lyrics are ${lyricsTokens} tokens, ${limits.lyrics} are read`;
      const fix = "shorten the lyrics, or cut the song into parts with their own lyrics";
      add("warning", "lyrics-too-long", what, fix);
    }
  }
  return findings;
}
