import { AceError, notJson, writeChunksAtomic } from "@acewright/core-native";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { ShardSample } from "./manifest.js";

/** Songs in shards, one JSON object a line; of several lines with one id the last counts. */
export const indexName = "index.jsonl";

export interface SongIndex {
  readonly samples: Map<string, ShardSample>;
  /** Bytes of whole lines: what stands behind them was cut off while it was written. */
  readonly wholeBytes: number;
}

/** A line longer than this is not ours. */
const mostLineBytes = 1_000_000;

/**
 * Reads an index piece by piece, so that other work goes on between.
 *
 * @throws {AceError} ERR_FILE naming the line that does not fit.
 */
export async function readIndex(folder: string): Promise<SongIndex> {
  const path = join(folder, indexName);
  const samples = new Map<string, ShardSample>();
  let rest: Buffer = Buffer.alloc(0);
  let line = 0;
  let wholeBytes = 0;
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
      const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      let from = 0;
      for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, from)) {
        const sample = parseLine(path, ++line, bytes.toString("utf8", from, end));
        samples.set(sample.id, sample);
        from = end + 1;
      }
      wholeBytes += from;
      rest = bytes.subarray(from);
      if (rest.length > mostLineBytes) throw refuse(path, line + 1, `is longer than ${mostLineBytes} bytes`);
    }
  } catch (cause) {
    if (cause instanceof AceError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const what = missing ? "does not exist" : `cannot be read (${(cause as Error).message})`;
    throw new AceError("ERR_FILE", `${path}: ${what}; preprocess again`, { cause });
  }
  return { samples, wholeBytes };
}

export function indexLine(sample: ShardSample): string {
  return `${JSON.stringify(sample)}\n`;
}

/** Replaces the index by these songs: temporary name, fsync, rename. */
export function writeIndex(folder: string, samples: Iterable<ShardSample>): void {
  writeChunksAtomic(join(folder, indexName), linesOf(samples));
}

function* linesOf(samples: Iterable<ShardSample>): Generator<Uint8Array> {
  let lines: string[] = [];
  for (const sample of samples) {
    lines.push(indexLine(sample));
    if (lines.length < 1000) continue;
    yield Buffer.from(lines.join(""));
    lines = [];
  }
  yield Buffer.from(lines.join(""));
}

function parseLine(path: string, line: number, text: string): ShardSample {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw refuse(path, line, notJson(cause), cause);
  }
  const result = ShardSample.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw refuse(path, line, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "does not fit"}`);
}

function refuse(path: string, line: number, what: string, cause?: unknown): AceError {
  return new AceError("ERR_FILE", `${path}: line ${line} ${what}; preprocess again`, { cause });
}
