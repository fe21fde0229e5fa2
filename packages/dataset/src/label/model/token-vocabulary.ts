import { AceError } from "@acewright/core-native";
import type { PromptTokenizer } from "../../tokenizer/prompt-tokenizer.js";

/** Marks of Qwen3's chat format, which the language model was trained in. */
const marks = {
  textStart: "<|im_start|>",
  textEnd: "<|im_end|>",
  documentEnd: "<|endoftext|>",
  thinkStart: "<think>",
  thinkEnd: "</think>",
} as const;
type Mark = keyof typeof marks;

const audioCode = /^<\|audio_code_(\d+)\|>$/;

/** What the tokens of a language model stand for, ordered so that one walk meets every beginning once. */
export class TokenVocabulary {
  /** Ids of the marks. */
  readonly ids: Readonly<Record<Mark, number>>;
  /** Ids of plain text, in the order of their bytes. */
  readonly textIds: Uint32Array;
  /** Bytes of `textIds`, one character code a byte. */
  readonly texts: readonly string[];
  /** Leading bytes each text shares with the one before. */
  readonly shared: Uint16Array;
  /** Plain text and the marks that end one: neither audio codes nor other marks. */
  readonly freeTextIds: Uint32Array;
  readonly #byId = new Map<number, string>();
  readonly #added: ReadonlyMap<number, string>;
  readonly #codeIds: ReadonlyMap<number, number>;

  /** @throws {AceError} ERR_CHECKPOINT when the tokenizer lacks what the 5 Hz language model has. */
  constructor(folder: string, tokenizer: PromptTokenizer) {
    const { vocabulary, added } = tokenizer.tokens();
    this.#added = added;
    const addedIds = new Map([...added].map(([id, text]) => [text, id]));
    this.ids = Object.fromEntries(
      Object.entries(marks).map(([mark, text]) => [mark, markId(folder, addedIds, text)]),
    ) as Record<Mark, number>;
    const codes = new Map<number, number>();
    for (const [id, text] of added) {
      const code = audioCode.exec(text)?.[1];
      if (code !== undefined) codes.set(Number(code), id);
    }
    if (codes.size === 0) {
      throw new AceError("ERR_CHECKPOINT", `${folder}: its tokenizer has no <|audio_code_N|> tokens; expected a 5 Hz language model (acestep-5Hz-lm-…)`); // prettier-ignore
    }
    this.#codeIds = codes;
    for (const [token, id] of vocabulary) {
      const bytes = added.has(id) ? undefined : tokenBytes(token);
      if (bytes !== undefined) this.#byId.set(id, bytes);
    }
    const sorted = [...this.#byId].sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.textIds = Uint32Array.from(sorted, ([id]) => id);
    this.freeTextIds = Uint32Array.from([...this.textIds, this.ids.textEnd, this.ids.documentEnd]);
    this.texts = sorted.map(([, text]) => text);
    this.shared = new Uint16Array(sorted.length);
    for (let i = 1; i < sorted.length; i++) {
      this.shared[i] = sharedLength(this.texts[i - 1] as string, this.texts[i] as string);
    }
  }

  /** Id of one audio code. @throws {AceError} ERR_CHECKPOINT for a code the language model does not know. */
  codeId(code: number): number {
    const id = this.#codeIds.get(code);
    if (id !== undefined) return id;
    throw new AceError("ERR_CHECKPOINT", `the language model's tokenizer has no <|audio_code_${code}|>; it belongs to another audio tokenizer`); // prettier-ignore
  }

  /** Bytes of one token of plain text, one character code a byte; undefined for marks and audio codes. */
  bytesOf(id: number): string | undefined {
    return this.#byId.get(id);
  }

  /** Whether a token ends a text. */
  isEnd(id: number): boolean {
    return id === this.ids.textEnd || id === this.ids.documentEnd;
  }

  /** The text of some tokens; marks as they are written, broken UTF-8 replaced. */
  decode(ids: readonly number[]): string {
    const chunks: Buffer[] = [];
    for (const id of ids) {
      const bytes = this.#byId.get(id);
      chunks.push(
        bytes === undefined ? Buffer.from(this.#added.get(id) ?? "") : Buffer.from(bytes, "latin1"),
      );
    }
    return Buffer.concat(chunks).toString("utf8");
  }
}

function markId(folder: string, addedIds: ReadonlyMap<string, number>, text: string): number {
  const id = addedIds.get(text);
  if (id !== undefined) return id;
  throw new AceError("ERR_CHECKPOINT", `${folder}: its tokenizer has no token ${text}; expected a 5 Hz language model (acestep-5Hz-lm-…)`); // prettier-ignore
}

function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

/**
 * Byte-level BPE writes the 188 printable bytes of Latin-1 as themselves and the other 68, in order, as the characters
 * from U+0100 on (Radford et al. 2019).
 */
const byteOfCharacter = new Map<string, number>();
{
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
    byteOfCharacter.set(String.fromCharCode(isPrintable ? byte : next++), byte);
  }
}

/** Undefined for a token that is not written in bytes. */
function tokenBytes(token: string): string | undefined {
  let bytes = "";
  for (const character of token) {
    const byte = byteOfCharacter.get(character);
    if (byte === undefined) return undefined;
    bytes += String.fromCharCode(byte);
  }
  return bytes === "" ? undefined : bytes;
}
