import { AceError } from "@acewright/core-native";
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import type { Answer } from "./model/language-model.js";

/** Each key says all that its value depends on, so that a value is never taken for another's. */
const Line = z.union([
  z.object({ codes: z.array(z.int().nonnegative()), key: z.string() }),
  z.object({
    answer: z.object({ text: z.string(), tokens: z.number(), isWhole: z.boolean() }),
    key: z.string(),
  }),
]);

/**
 * Audio codes and answers of a run that is not at its end, on the disk before the next song begins: minutes of computing
 * survive a stop and a crash. A last line that was cut off is dropped.
 */
export class LabelJournal {
  readonly #path: string;
  readonly #codes = new Map<string, readonly number[]>();
  readonly #answers = new Map<string, Answer>();
  #file: number | undefined;

  /** Beside the dataset, hidden. @throws {AceError} ERR_FILE when a line other than the last is no journal's. */
  constructor(datasetPath: string) {
    this.#path = join(dirname(datasetPath), `.${basename(datasetPath)}.label.journal`);
    if (existsSync(this.#path)) this.#read();
  }

  codes(key: string): readonly number[] | undefined {
    return this.#codes.get(key);
  }

  answer(key: string): Answer | undefined {
    return this.#answers.get(key);
  }

  keepCodes(key: string, codes: readonly number[]): void {
    this.#append({ key, codes });
    this.#codes.set(key, codes);
  }

  keepAnswer(key: string, answer: Answer): void {
    this.#append({ key, answer });
    this.#answers.set(key, answer);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** The run is at its end. */
  remove(): void {
    this.close();
    rmSync(this.#path, { force: true });
  }

  #read(): void {
    const bytes = readFileSync(this.#path);
    let whole = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, whole)) {
      const line = parsedLine(bytes.toString("utf8", whole, end));
      if (line === undefined) {
        throw new AceError("ERR_FILE", `${this.#path}: holds a line that is no journal's; delete the file to label from the beginning`); // prettier-ignore
      }
      if ("codes" in line) this.#codes.set(line.key, line.codes);
      else this.#answers.set(line.key, line.answer);
      whole = end + 1;
    }
    if (whole < bytes.length) truncateSync(this.#path, whole);
  }

  #append(line: z.infer<typeof Line> | { key: string; codes: readonly number[] }): void {
    this.#file ??= openSync(this.#path, "a", 0o644);
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    for (let done = 0; done < bytes.length;) done += writeSync(this.#file, bytes, done);
    fsyncSync(this.#file);
  }
}

function parsedLine(text: string): z.infer<typeof Line> | undefined {
  try {
    return Line.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
