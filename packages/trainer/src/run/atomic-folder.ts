import { basename, dirname, join } from "node:path";
import { fileError, removeFolder, syncPath, type Files } from "./files.js";

const temporary = ".tmp-";
const replaced = ".old-";

/**
 * Writes a whole folder or nothing: filled under a temporary name, every file and the folder fsynced, renamed. A
 * folder of that name is replaced.
 *
 * @throws {AceError} ERR_FILE when the disk is full or broken; what stood there before stays.
 */
export async function writeFolderAtomic(
  files: Files,
  target: string,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  const parent = dirname(target);
  const folder = join(parent, `${temporary}${basename(target)}`);
  try {
    await removeFolder(files, folder);
    files.mkdirSync(folder, { recursive: true });
    await fill(folder);
    for (const name of files.readdirSync(folder)) await syncPath(files, join(folder, name));
    await syncPath(files, folder);
    await replaceFolder(files, folder, target);
  } catch (cause) {
    await removeFolder(files, folder);
    throw fileError(cause, target, "writing this folder");
  }
}

async function replaceFolder(files: Files, folder: string, target: string): Promise<void> {
  const parent = dirname(target);
  const old = join(parent, `${replaced}${basename(target)}`);
  const existed = files.existsSync(target);
  // A folder that is not empty cannot be renamed over: between these two renames a reader finds none,
  // and recoverFolders puts the old one back after a crash.
  if (existed) files.renameSync(target, old);
  try {
    files.renameSync(folder, target);
  } catch (cause) {
    if (existed) files.renameSync(old, target);
    throw cause;
  }
  await syncPath(files, parent);
  await removeFolder(files, old);
}

/** Clears what a killed process left in a folder: half-written folders go, a folder in the middle of its replacement comes back. */
export function recoverFolders(files: Files, parent: string): void {
  if (!files.existsSync(parent)) return;
  for (const name of files.readdirSync(parent)) {
    const path = join(parent, name);
    if (name.startsWith(temporary)) files.rmSync(path, { recursive: true, force: true });
    if (!name.startsWith(replaced)) continue;
    const target = join(parent, name.slice(replaced.length));
    if (files.existsSync(target)) files.rmSync(path, { recursive: true, force: true });
    else files.renameSync(path, target);
  }
}
