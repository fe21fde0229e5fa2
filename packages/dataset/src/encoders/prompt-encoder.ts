import type { NetworkOptions } from "../onnx/network.js";
import type { Conditioning, PromptFields } from "../prompts.js";
import { songPromptIds } from "../tokenizer/prompt-ids.js";
import { PromptTokenizer } from "../tokenizer/prompt-tokenizer.js";
import { EmbeddingTable, TextEncoder } from "./text-encoder.js";

/** What the condition encoder reads of a song's words. */
export interface EncodedPrompt {
  /** Text encoder output [text tokens, width]. */
  readonly text: Float32Array;
  readonly textMask: Uint8Array;
  /** Rows of the embedding table [lyric tokens, width]. */
  readonly lyrics: Float32Array;
  readonly lyricMask: Uint8Array;
  /** What was cut, one line each. */
  readonly warnings: readonly string[];
}

/** Caption, metas and lyrics to states: tokenizer, text encoder and embedding table of one folder. */
export class PromptEncoder {
  private constructor(
    private readonly tokenizer: PromptTokenizer,
    private readonly encoder: TextEncoder,
    private readonly table: EmbeddingTable,
  ) {}

  /** @throws {AceError} ERR_FILE, ERR_CHECKPOINT for files that are missing, damaged or another model's. */
  static async open(folder: string, options: NetworkOptions): Promise<PromptEncoder> {
    const tokenizer = PromptTokenizer.open(folder);
    const table = new EmbeddingTable(folder);
    return new PromptEncoder(tokenizer, await TextEncoder.open(folder, options), table);
  }

  /** Values a token's state has. */
  get width(): number {
    return this.encoder.config.hiddenSize;
  }

  /** @throws {AceError} ERR_CONFIG when the prompt does not fit even without its caption. */
  async encode(fields: PromptFields, conditioning: Conditioning = "inference"): Promise<EncodedPrompt> {
    const { text, lyrics, warnings } = songPromptIds(this.tokenizer, fields, conditioning);
    return {
      // Padding is not hidden from the text encoder: it is causal, and upstream passes no mask either.
      text: await this.encoder.encode(text.ids),
      textMask: text.mask,
      lyrics: this.table.rows(lyrics.ids),
      lyricMask: lyrics.mask,
      warnings,
    };
  }

  close(): Promise<void> {
    return this.encoder.close();
  }
}
