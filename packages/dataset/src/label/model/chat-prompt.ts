/** What the 5 Hz language model was told when it was trained to describe songs, and to write descriptions out. */
const instructions = {
  describe: "Understand the given musical conditions and describe the audio semantics accordingly:",
  format: "Format the user's input into a more detailed and specific musical description:",
} as const;

/** A prompt around what the user says: audio codes, or caption and lyrics. */
export interface ChatPrompt {
  readonly before: string;
  readonly after: string;
}

/** Qwen3's chat format with one turn. */
export function chatPrompt(task: keyof typeof instructions): ChatPrompt {
  return {
    before: `<|im_start|>system\n# Instruction\n${instructions[task]}\n\n<|im_end|>\n<|im_start|>user\n`,
    after: "<|im_end|>\n<|im_start|>assistant\n",
  };
}

/** What the user says for formatting lyrics. */
export function lyricsRequest(caption: string, lyrics: string): string {
  return `# Caption\n${escapeMarks(caption)}\n\n# Lyric\n${escapeMarks(lyrics)}`;
}

/** Five codes a second of music, as the tokens' own names. */
export function codesText(codes: Iterable<number>): string {
  return Array.from(codes, (code) => `<|audio_code_${code}|>`).join("");
}

/** A user's text cannot hold the marks that end it. */
function escapeMarks(text: string): string {
  return text.replaceAll("<|", "< |");
}
