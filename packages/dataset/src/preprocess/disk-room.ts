import { AceError } from "@acewright/core-native";
import { existsSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { readConfigFile } from "../encoders/config-file.js";
import type { ModelFolders } from "../encoders/model-folders.js";
import type { SongWork } from "./song-work.js";

/** Latent frames a second. */
const framesPerSecond = 25;
const bytesPerValue = 4;
const latentChannels = 64;
/** A token of a prompt is at least so many characters long, on average: most languages have three or more. */
const charactersPerToken = 2;
/** Tokens of the prompt around caption and lyrics. */
const templateTokens = 100;

/** Bytes on the disk while and after these songs are made, at most: latents, and the wider of text and condition states. */
export function roomFor(works: readonly SongWork[], folders: ModelFolders): number {
  const { hidden_size: width } = readConfigFile(
    `${folders.model}/config.json`,
    z.object({ hidden_size: z.int().min(1).max(65_536) }),
  );
  return works.reduce((sum, { expectedS, prompt }) => {
    const latents = Math.ceil(expectedS * framesPerSecond) * latentChannels;
    const tokens = prompt.captions.reduce(
      (all, caption) => all + (caption.length + prompt.lyrics.length) / charactersPerToken + templateTokens,
      0,
    );
    return sum + bytesPerValue * (latents + Math.ceil(tokens) * width);
  }, 0);
}

/** Bytes free where a folder is or will be. */
export function freeBytes(folder: string): number {
  let place = resolve(folder);
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  const { bavail, bsize } = statfsSync(place);
  return bavail * bsize;
}

/** @throws {AceError} ERR_FILE before hours of work end on a full disk. */
export function refuseFullDisk(folder: string, needed: number, free: number): void {
  if (free >= needed) return;
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  throw new AceError(
    "ERR_FILE",
    `${folder}: the disk has ${megabytes(free)} free, the tensors may take ${megabytes(needed)}; free some space or choose another folder`,
  );
}
