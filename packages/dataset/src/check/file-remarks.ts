import { ByteSource } from "../audio/byte-source.js";
import { audioProblemOf } from "../audio/refusal.js";
import type { Song } from "../dataset-file/resolve-audio.js";
import { fileSha256 } from "../fingerprint.js";
import { refusalRemark } from "./audio-remarks.js";
import { remark, type Remark } from "./finding.js";

/** What the files themselves say without being decoded: missing ones, empty ones, copies of one another. */
export async function fileRemarks(
  songs: readonly Song[],
  onDone: (path: string) => void,
  signal: AbortSignal | undefined,
): Promise<Remark[][]> {
  const firstOfHash = new Map<string, string>();
  const all: Remark[][] = [];
  for (const { audioFile } of songs) {
    signal?.throwIfAborted();
    all.push(await lookAt(audioFile, firstOfHash, signal));
    onDone(audioFile);
  }
  return all;
}

async function lookAt(
  path: string,
  firstOfHash: Map<string, string>,
  signal: AbortSignal | undefined,
): Promise<Remark[]> {
  try {
    using source = await ByteSource.open(path);
    await source.read(0, 1);
  } catch (error) {
    const problem = audioProblemOf(error);
    if (problem === undefined) throw error;
    const what = (error as Error).message.replace(`${path}: `, "");
    return [refusalRemark(problem, problem === "missing" ? `${path} ${what}` : what)];
  }
  const hash = await fileSha256(path, signal);
  const first = firstOfHash.get(hash);
  if (first === undefined) {
    firstOfHash.set(hash, path);
    return [];
  }
  const fix = "remove one of them, or set repeats on purpose";
  return [remark("warning", "duplicate-audio", "audio", `is the same file as ${first}`, fix)];
}
