import { AceError } from "@acewright/core-native";
import { access } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { isInside } from "./inside-folder.js";
import type { Dataset, Sample } from "./schema.js";

/** A sample with the file its `audio_path` leads to. */
export interface Song {
  sample: Sample;
  /** Absolute path. It exists, unless `isMissing`. */
  audioFile: string;
  isMissing: boolean;
}

export interface ResolveOptions {
  /** Folders that a relative path with `..` may lead into; none by default. */
  allowRoots?: readonly string[];
  /** Receives one line for each song found elsewhere than its path says. */
  onWarning?: (line: string) => void;
}

/**
 * Finds the audio file of each sample: as written when absolute, else beside the dataset file, else by its base name
 * in the dataset file's folder.
 *
 * @throws {AceError} ERR_FILE when a relative path leaves the folder and no allowed root holds it.
 */
export async function resolveSongs(
  dataset: Dataset,
  folder: string,
  options: ResolveOptions = {},
): Promise<Song[]> {
  const roots = (options.allowRoots ?? []).map((root) => resolve(root));
  return await Promise.all(
    dataset.samples.map(async (sample, index) => {
      const where = `samples[${index}].audio_path`;
      const audioFile = resolvePath(sample.audio_path, folder, roots, where);
      if (await exists(audioFile)) return { sample, audioFile, isMissing: false };
      const name = baseName(sample.audio_path);
      const beside = join(folder, name);
      if (name === "" || name === ".." || !(await exists(beside)))
        return { sample, audioFile, isMissing: true };
      options.onWarning?.(`${where}: ${sample.audio_path} does not exist; ${beside} was taken instead`);
      return { sample, audioFile: beside, isMissing: false };
    }),
  );
}

function resolvePath(path: string, folder: string, roots: readonly string[], where: string): string {
  if (path.includes("\0")) throw new AceError("ERR_FILE", `${where}: the path holds a NUL character`);
  if (isAbsolute(path)) return path;
  const resolved = resolve(folder, path);
  if ([resolve(folder), ...roots].some((root) => isInside(resolved, root))) return resolved;
  throw new AceError(
    "ERR_FILE",
    `${where}: ${path} leaves the dataset's folder; write an absolute path, or allow the folder it leads to (allowRoots, --allow-root)`,
  );
}

/** The last part of a path written on any system. */
function baseName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? "";
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
