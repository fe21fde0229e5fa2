import { closeRaw, openRaw, readRaw, statRaw } from "../raw-file.js";

/** A text file with its byte-order mark gone and its line ends as "\n". */
export interface TextFile {
  text: string;
  /** One line each: another encoding than UTF-8, bytes that are no text. */
  warnings: string[];
}

/** Lyrics of a song are a few kilobytes; a table of a whole library a few megabytes. */
const mostBytes = 16 * 2 ** 20;

/** Reads a small text file: UTF-8, or UTF-16 by its mark; undecodable bytes are replaced and told. */
export async function readTextFile(path: string): Promise<TextFile> {
  const bytes = await readBytes(path);
  if (typeof bytes === "string") return { text: "", warnings: [`${path}: ${bytes}; ignored`] };
  const warnings: string[] = [];
  const encoding = encodingOf(bytes);
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    text = new TextDecoder(encoding).decode(bytes);
    warnings.push(`${path}: has bytes that are not ${encoding}, shown as "\ufffd"; save it as UTF-8`);
  }
  if (text.includes("\0")) {
    return { text: "", warnings: [`${path}: is not a text file (it holds NUL characters); ignored`] };
  }
  return { text: text.replace(/\r\n?/g, "\n"), warnings };
}

/** The bytes, or why there are none. */
async function readBytes(path: string): Promise<Uint8Array | string> {
  let file: number;
  try {
    file = await openRaw(path);
  } catch (error) {
    return `could not be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`;
  }
  try {
    const stat = statRaw(file);
    if (!stat.isFile()) return "is not a regular file";
    if (stat.size > mostBytes) return `is ${stat.size} bytes, more than ${mostBytes}`;
    return await readRaw(file, new Uint8Array(stat.size), 0);
  } finally {
    closeRaw(file);
  }
}

function encodingOf(bytes: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  return "utf-8";
}
