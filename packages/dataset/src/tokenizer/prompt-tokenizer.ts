import { AceError, notJson } from "@acewright/core-native";
import * as library from "@huggingface/tokenizers";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** What is used of the library, whose own declarations do not resolve under NodeNext (imports without endings). */
interface Tokenizer {
  encode(text: string, options?: { add_special_tokens?: boolean }): { ids: number[] };
  token_to_id(token: string): number | undefined;
  get_vocab(withAdded: boolean): Map<string, number>;
  get_added_tokens_decoder(): Map<number, { content: string }>;
}
const { Tokenizer } = library as unknown as {
  Tokenizer: new (tokenizer: object, config: object) => Tokenizer;
};

/** The published file has 11 MB. */
const maxTokenizerBytes = 100_000_000;

/** Text to token ids, by the checkpoint's own tokenizer.json. */
export class PromptTokenizer {
  readonly #tokenizer: Tokenizer;
  /** What the post-processor appends to every text. */
  readonly tail: readonly number[];
  /** Fills texts up to a fixed length, where that is asked for. */
  readonly padId: number;
  readonly paddingSide: "left" | "right";

  private constructor(tokenizer: Tokenizer, config: Readonly<Record<string, unknown>>) {
    this.#tokenizer = tokenizer;
    this.tail = tokenizer.encode("").ids;
    const padToken = config["pad_token"];
    const padId = typeof padToken === "string" ? tokenizer.token_to_id(padToken) : undefined;
    this.padId = padId ?? this.tail[0] ?? 0;
    this.paddingSide = config["padding_side"] === "left" ? "left" : "right";
  }

  /** @throws {AceError} ERR_FILE when tokenizer.json is missing or not JSON; ERR_CHECKPOINT when it is not a tokenizer. */
  static open(folder: string): PromptTokenizer {
    const path = join(folder, "tokenizer.json");
    const configPath = join(folder, "tokenizer_config.json");
    const config = existsSync(configPath) ? readJson(configPath) : {};
    const tokenizer = readJson(path);
    try {
      return new PromptTokenizer(new Tokenizer(tokenizer, config), config);
    } catch (cause) {
      throw new AceError(
        "ERR_CHECKPOINT",
        `${path}: not a tokenizer this reader knows (${(cause as Error).message})`,
        { cause },
      );
    }
  }

  /** Ids without anything appended. */
  ids(text: string): number[] {
    return this.#tokenizer.encode(text, { add_special_tokens: false }).ids;
  }

  /** Every token: `vocabulary` as tokenizer.json writes them, `added` (marks and the like) by id as they are written. */
  tokens(): { vocabulary: ReadonlyMap<string, number>; added: ReadonlyMap<number, string> } {
    const added = [...this.#tokenizer.get_added_tokens_decoder()];
    return {
      vocabulary: this.#tokenizer.get_vocab(false),
      added: new Map(added.map(([id, { content }]) => [id, content])),
    };
  }

  /** Ids with the appended token, which stays when the text is cut to `limit` ids in all. */
  encode(text: string, limit = Infinity): { ids: number[]; cut: number } {
    const ids = this.ids(text);
    const kept = Math.max(Math.min(ids.length, limit - this.tail.length), 0);
    return { ids: [...ids.slice(0, kept), ...this.tail], cut: ids.length - kept };
  }
}

function readJson(path: string): Record<string, unknown> {
  let json: unknown;
  try {
    if (statSync(path).size > maxTokenizerBytes) throw new Error(`larger than ${maxTokenizerBytes} bytes`);
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new AceError("ERR_FILE", `${path}: ${notJson(cause)}`, {
      cause,
    });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new AceError("ERR_FILE", `${path}: expected a JSON object`);
  }
  return json as Record<string, unknown>;
}
