import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { Readable } from "node:stream";
import { AceError } from "@acewright/core-native";
import { isSongName } from "@acewright/dataset";
import type { Context } from "hono";

const types: Readonly<Record<string, string>> = {
  ".wav": "audio/wav",
  ".mp3": "audio/mpeg",
  ".flac": "audio/flac",
  ".ogg": "audio/ogg",
  ".opus": "audio/ogg",
  ".m4a": "audio/mp4",
  ".aac": "audio/aac",
  ".aiff": "audio/aiff",
  ".aif": "audio/aiff",
  ".webm": "audio/webm",
};

/**
 * A song, or the part of it that the browser asks for: players jump about in files.
 *
 * @param path absolute, and judged by the caller.
 * @throws {AceError} ERR_FILE when it is no song by its name, or cannot be read.
 */
export async function sendAudio(c: Context, path: string): Promise<Response> {
  if (!isSongName(path)) throw new AceError("ERR_FILE", `${path}: is no song`);
  const found = await stat(path).catch((cause: unknown) => {
    throw new AceError("ERR_FILE", `${path}: cannot be read`, { cause });
  });
  const range = rangeOf(c.req.header("range"), found.size);
  c.header("Content-Type", types[extname(path).toLowerCase()] ?? "application/octet-stream");
  c.header("Accept-Ranges", "bytes");
  if (range === "beyond") {
    c.header("Content-Range", `bytes */${found.size}`);
    return c.body(null, 416);
  }
  const { from, to } = range ?? { from: 0, to: found.size - 1 };
  if (range !== undefined) {
    c.status(206);
    c.header("Content-Range", `bytes ${from}-${to}/${found.size}`);
  }
  c.header("Content-Length", String(to - from + 1));
  if (c.req.method === "HEAD" || found.size === 0) return c.body(null);
  return c.body(Readable.toWeb(createReadStream(path, { start: from, end: to })) as ReadableStream);
}

/** The one range of a request; several at once, and what is no range, count as all of it. */
function rangeOf(
  header: string | undefined,
  size: number,
): { from: number; to: number } | "beyond" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  const [, first = "", last = ""] = match ?? [];
  if (match === null || (first === "" && last === "")) return undefined;
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  return from >= size || from > to ? "beyond" : { from, to };
}
