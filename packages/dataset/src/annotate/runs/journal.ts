import { AceError } from "@acewright/core-native";
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { createInterface } from "node:readline";
import type { Annotation } from "../providers/provider.js";

/** One answered song. */
export interface JournalEntry {
  /** Size and time of the audio that was asked about. */
  stamp: string;
  madeAt: string;
  /** Undefined once it stands in the dataset or the sidecars. */
  annotation: Annotation | undefined;
}

type Line = { song: string; stamp: string; made_at: string; annotation: Annotation } | { applied: string[] };

/**
 * The answers of a run that is not at its end, one line each, on the disk before the next song is asked for: what was paid
 * for survives a stop, a crash and a full disk. A last line that was cut off is dropped.
 */
export class Journal {
  readonly entries: Map<string, JournalEntry>;
  #file: number | undefined;

  private constructor(
    readonly path: string,
    entries: Map<string, JournalEntry>,
  ) {
    this.entries = entries;
  }

  /** @throws {AceError} ERR_FILE when a line other than the last is no journal's. */
  static async open(path: string): Promise<Journal> {
    const entries = new Map<string, JournalEntry>();
    if (!existsSync(path)) return new Journal(path, entries);
    const { size } = statSync(path);
    let wholeBytes = 0;
    for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      const end = wholeBytes + Buffer.byteLength(text) + 1;
      const line = end <= size ? lineOf(text) : undefined;
      if (line === undefined && end < size) {
        throw new AceError(
          "ERR_FILE",
          `${path}: holds a line that is no answer; delete the file to ask again`,
        );
      }
      if (line === undefined) break;
      wholeBytes = end;
      if ("applied" in line) {
        for (const song of line.applied) {
          const entry = entries.get(song);
          if (entry !== undefined) entry.annotation = undefined;
        }
      } else entries.set(line.song, { stamp: line.stamp, madeAt: line.made_at, annotation: line.annotation });
    }
    if (wholeBytes < size) truncateSync(path, wholeBytes);
    return new Journal(path, entries);
  }

  /** Keeps an answer; on the disk when this returns. */
  add(song: string, stamp: string, madeAt: string, annotation: Annotation): void {
    this.#append({ song, stamp, made_at: madeAt, annotation });
    this.entries.set(song, { stamp, madeAt, annotation });
  }

  /** Says that answers stand where they belong. */
  markApplied(songs: readonly string[]): void {
    if (songs.length === 0) return;
    this.#append({ applied: [...songs] });
    for (const song of songs) {
      const entry = this.entries.get(song);
      if (entry !== undefined) entry.annotation = undefined;
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** The run is at its end. */
  remove(): void {
    this.close();
    rmSync(this.path, { force: true });
  }

  #append(line: Line): void {
    this.#file ??= openSync(this.path, "a", 0o644);
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    for (let done = 0; done < bytes.length;) done += writeSync(this.#file, bytes, done);
    fsyncSync(this.#file);
  }
}

function lineOf(text: string): Line | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { song, stamp, made_at, annotation, applied } = value as Record<string, unknown>;
  if (Array.isArray(applied)) return { applied: applied.filter((name) => typeof name === "string") };
  const isAnswer = typeof song === "string" && typeof stamp === "string" && typeof made_at === "string";
  if (!isAnswer || typeof annotation !== "object" || annotation === null) return undefined;
  return { song, stamp, made_at, annotation };
}
