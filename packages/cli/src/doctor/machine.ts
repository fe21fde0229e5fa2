import { execFile } from "node:child_process";
import { statfs } from "node:fs/promises";
import { availableParallelism, release, totalmem, type } from "node:os";
import { promisify } from "node:util";
import { formatBytes } from "@acewright/core-native";
import type { Diagnosis } from "./diagnosis.js";

/** Less than this is too little for the tensors of a hundred songs and a run's checkpoints. */
const comfortableDiskBytes = 5 * 2 ** 30;
/** Less than this cannot hold the weights of the 2B model in 16 bits beside its text encoder's. */
const comfortableMemoryBytes = 8 * 2 ** 30;

/** Whether this version of Node runs us. */
export function nodeDiagnosis(version: string = process.versions.node): Diagnosis {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const detail = `Node ${version}, ${type()} ${release()}, ${process.arch}`;
  if (major > 20 || (major === 20 && minor >= 19)) return { name: "node", state: "ok", detail };
  return { name: "node", state: "problem", detail, mend: "install Node 20.19 or newer (https://nodejs.org)" };
}

/** Main memory that can still be had, as the system or the container's limit says. */
export function memoryDiagnosis(free: number = process.availableMemory()): Diagnosis {
  const detail = `${formatBytes(free)} of ${formatBytes(totalmem())} free, ${availableParallelism()} cores`;
  if (free >= comfortableMemoryBytes) return { name: "memory", state: "ok", detail };
  return {
    name: "memory",
    state: "note",
    detail,
    mend: "close other programs, or ask `acewright plan` whether a run fits",
  };
}

/** Room where a command started here writes by default. */
export async function diskDiagnosis(folder: string): Promise<Diagnosis> {
  const { bavail, bsize } = await statfs(folder);
  return diskVerdict(bavail * bsize, folder);
}

/** @param free bytes */
export function diskVerdict(free: number, folder: string): Diagnosis {
  const detail = `${formatBytes(free)} free in ${folder}`;
  if (free >= comfortableDiskBytes) return { name: "disk", state: "ok", detail };
  return { name: "disk", state: "note", detail, mend: "free some space before preprocessing many songs" };
}

/** ffmpeg, which is optional: our own decoders read the usual formats. */
export async function ffmpegDiagnosis(program = "ffmpeg"): Promise<Diagnosis> {
  try {
    const { stdout } = await promisify(execFile)(program, ["-version"]);
    return { name: "ffmpeg", state: "ok", detail: stdout.split(/\r?\n/, 1)[0] ?? "" };
  } catch {
    return {
      name: "ffmpeg",
      state: "note",
      detail: "not found; wav, aiff, flac, mp3, ogg and opus work without it",
      mend: "install ffmpeg to read m4a, aac, wma, wv, ape, mka, webm, caf and ac3",
    };
  }
}
