/** What a song's two prompts are made of. */
export interface PromptFields {
  /** Caption as the model shall read it, trigger word included. */
  readonly caption: string;
  /** `[Instrumental]` where nobody sings. */
  readonly lyrics: string;
  readonly bpm?: number | null;
  /** "2", "3", "4", "6". */
  readonly timesignature?: string;
  readonly keyscale?: string;
  /** Seconds of audio; the prompt says the whole ones. */
  readonly durationS: number;
  /** Code as in dataset.json, `unknown` where it is not known. */
  readonly language?: string;
}

/**
 * Which of the two ways of upstream is followed. `inference`: what the published model reads when it generates.
 * `official`: what upstream's trainer feeds (bare lyrics, fixed lengths with padding, one zero frame as timbre).
 */
export type Conditioning = "inference" | "official";

/** Ends a prompt; the tokenizer recognises it in the text and appends one more. */
const endOfText = "<|endoftext|>";

/** Tokens the two prompts may have, the appended one included. */
export const promptLimits = {
  inference: { text: 256, lyrics: 2048 },
  official: { text: 256, lyrics: 512 },
} as const satisfies Record<Conditioning, { text: number; lyrics: number }>;

const textToMusic = "Fill the audio semantic mask based on the given conditions:";

/** The text prompt of text-to-music; missing values read `N/A`. */
export function textPrompt(fields: PromptFields): string {
  const { caption, bpm, timesignature, keyscale, durationS } = fields;
  return [
    "# Instruction",
    textToMusic,
    "",
    "# Caption",
    caption,
    "",
    "# Metas",
    `- bpm: ${bpm == null || bpm === 0 ? "N/A" : bpm}`,
    `- timesignature: ${orNotAvailable(timesignature)}`,
    `- keyscale: ${orNotAvailable(keyscale)}`,
    `- duration: ${Math.floor(durationS)} seconds`,
    `${endOfText}\n`,
  ].join("\n");
}

/** The lyrics prompt: with the language header for inference, the bare lyrics as upstream's trainer feeds them. */
export function lyricsPrompt({ lyrics, language }: PromptFields, conditioning: Conditioning): string {
  if (conditioning === "official") return lyrics;
  const sungIn = lyrics === "[Instrumental]" ? "unknown" : (language ?? "");
  return `# Languages\n${sungIn === "" ? "unknown" : sungIn}\n\n# Lyric\n${lyrics}${endOfText}`;
}

function orNotAvailable(value: string | undefined): string {
  return value === undefined || value === "" ? "N/A" : value;
}
