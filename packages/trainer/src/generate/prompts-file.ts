import { statSync, readFileSync } from "node:fs";
import { AceError } from "@acewright/core-native";
import { parseWith } from "../config/parse-with.js";
import { PromptRow } from "./settings.js";

const mostBytes = 16 << 20;
const mostRows = 10_000;

/**
 * Songs to make from a text file, a line each: a caption in plain words, or a JSON object of `caption` and whatever differs
 * from the settings of all (lyrics, seed, durationS and so on). Empty lines and lines that begin with `#` are passed over.
 *
 * @throws {AceError} ERR_FILE when it cannot be read or holds no song; ERR_CONFIG naming the line and the field.
 */
export function readPrompts(file: string): PromptRow[] {
  const rows = readText(file)
    .split(/\r?\n/)
    .flatMap((text, index) => {
      const line = text.trim();
      return line === "" || line.startsWith("#") ? [] : [parseRow(line, `${file}, line ${index + 1}`)];
    });
  if (rows.length === 0)
    throw new AceError("ERR_FILE", `${file}: holds no song; write a caption or a JSON object a line`);
  if (rows.length > mostRows)
    throw new AceError(
      "ERR_FILE",
      `${file}: holds ${rows.length} songs, at most ${mostRows} are made at once`,
    );
  return rows;
}

function readText(file: string): string {
  try {
    const { size } = statSync(file);
    if (size > mostBytes)
      throw new AceError(
        "ERR_FILE",
        `${file}: is ${size} bytes long; a prompts file has at most ${mostBytes}`,
      );
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
  } catch (cause) {
    if (cause instanceof AceError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === "ENOENT")
      throw new AceError("ERR_FILE", `${file}: does not exist; name a file of prompts, one a line`, {
        cause,
      });
    const why = cause instanceof TypeError ? "is not UTF-8 text" : "cannot be read";
    throw new AceError("ERR_FILE", `${file}: ${why} (${(cause as Error).message})`, { cause });
  }
}

function parseRow(line: string, source: string): PromptRow {
  return line.startsWith("{")
    ? promptRow(parseJson(line, source), source)
    : promptRow({ caption: line }, source);
}

function parseJson(line: string, source: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new AceError("ERR_CONFIG", `${source}: is no JSON object (${(cause as Error).message})`, { cause });
  }
}

/**
 * One song's words and whatever it sets; nothing is filled in.
 *
 * @param source what to call it in a message
 * @throws {AceError} ERR_CONFIG
 */
export function promptRow(value: unknown, source: string): PromptRow {
  const parsed = parseWith(PromptRow, value, source) as PromptRow;
  const given = new Set(Object.keys(value as object));
  return Object.fromEntries(Object.entries(parsed).filter(([key]) => given.has(key))) as PromptRow;
}
