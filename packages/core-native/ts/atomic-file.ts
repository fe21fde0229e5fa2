import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readdirSync, rmSync, statSync, writeSync } from "node:fs";
import { open, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AceError } from "./errors.js";
import { renameFile, renameFileLater } from "./rename.js";

/**
 * Writes a whole file or nothing: temporary name in the same folder, fsync, rename.
 *
 * @throws {AceError} ERR_FILE when the folder is missing or not writable, or the disk is full; nothing is left behind.
 */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  writeChunksAtomic(path, [typeof data === "string" ? new TextEncoder().encode(data) : data]);
}

/**
 * Said before a long work, not after it: the file that it makes has no folder to lie in.
 *
 * @throws {AceError} ERR_FILE when the folder does not exist.
 */
export function refuseMissingFolder(file: string): void {
  const folder = dirname(file);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new AceError(
    "ERR_FILE",
    `${file}: cannot be written, the folder ${folder} does not exist; make it first`,
  );
}

/** {@link writeFileAtomic} for content that is not in one piece; the chunks are asked for one at a time. */
export function writeChunksAtomic(path: string, chunks: Iterable<Uint8Array>): void {
  const temporary = temporaryName(path);
  let descriptor: number | undefined;
  let made = false;
  try {
    descriptor = openSync(temporary, "wx", 0o644);
    made = true;
    for (const chunk of chunks) writeWhole(descriptor, chunk);
    fsyncSync(descriptor);
    closeSync(descriptor);
    descriptor = undefined;
    renameFile(temporary, path);
  } catch (cause) {
    if (descriptor !== undefined) closeSync(descriptor);
    if (made) rmSync(temporary, { force: true });
    throw notWritten(path, cause);
  }
  syncFolder(dirname(path));
}

/** {@link writeFileAtomic} without holding up the event loop. */
export async function saveFileAtomic(path: string, text: string): Promise<void> {
  await saveChunksAtomic(path, [new TextEncoder().encode(text)]);
}

/** {@link writeChunksAtomic} for much content: the disk is waited for on other threads, the event loop goes on. */
export async function saveChunksAtomic(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  const temporary = temporaryName(path);
  let handle: FileHandle | undefined;
  let made = false;
  try {
    handle = await open(temporary, "wx", 0o644);
    made = true;
    for (const chunk of chunks) await saveWhole(handle, chunk);
    await handle.sync();
    await handle.close();
    handle = undefined;
    await renameFileLater(temporary, path);
  } catch (cause) {
    await handle?.close();
    if (made) await rm(temporary, { force: true });
    throw notWritten(path, cause);
  }
  if (process.platform === "win32") return; // As in syncFolder.
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Removes what processes that were killed while they wrote have left in a folder. */
export function removeAbandonedFiles(folder: string): void {
  for (const name of readdirSync(folder)) {
    const owner = /^\..+\.(\d+)-[0-9a-f]{8}\.tmp$/.exec(name)?.[1];
    if (owner !== undefined && !isRunning(Number(owner))) rmSync(join(folder, name), { force: true });
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // No permission to signal it means that it is there.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`);
}

function notWritten(path: string, cause: unknown): AceError {
  if (cause instanceof AceError) return cause;
  return new AceError("ERR_FILE", `${path}: could not be written: ${reason(cause)}`, { cause });
}

/** One write call takes at most 2^31 - 1 bytes and may take fewer than asked. */
const mostPerCall = 1 << 28;

function writeWhole(descriptor: number, chunk: Uint8Array): void {
  for (let done = 0; done < chunk.length;) {
    done += writeSync(descriptor, chunk, done, Math.min(mostPerCall, chunk.length - done));
  }
}

async function saveWhole(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, done, Math.min(mostPerCall, chunk.length - done));
    done += bytesWritten;
  }
}

/** Makes the rename itself durable. */
function syncFolder(folder: string): void {
  if (process.platform === "win32") return; // Windows cannot open a folder for this; its rename is journalled.
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function reason(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT") return "the disk is full; free some space and try again";
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return "no permission to write in this folder";
  if (code === "ENOENT" || code === "ENOTDIR") return "the folder does not exist";
  return cause instanceof Error ? cause.message : String(cause);
}
