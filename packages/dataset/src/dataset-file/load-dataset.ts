import { AceError } from "@acewright/core-native";
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import { isSongName } from "../scan/walk-folder.js";
import { findJsonMistake } from "./json-mistake.js";
import { resolveSongs, type Song } from "./resolve-audio.js";
import { Dataset } from "./schema.js";
import { normaliseTimeSignature } from "./time-signature.js";

export interface LoadDatasetOptions {
  /** Folders that relative paths with `..` may lead into; none by default. */
  allowRoots?: readonly string[];
  /** What a song that does not exist is: an error by default, or a `Song` marked `isMissing`. */
  missingAudio?: "error" | "keep";
}

/** A dataset file, its songs found on disk, and what was mended on the way. */
export interface LoadedDataset {
  dataset: Dataset;
  /** One for each sample, in the same order; `song.sample` is the same object as in `dataset.samples`. */
  songs: Song[];
  /** Absolute path of the file. */
  path: string;
  warnings: string[];
}

const mostBytes = 256 * 2 ** 20;

/**
 * Reads dataset.json: the official form, an object with only `samples`, or a bare list of samples (Side-Step).
 * Missing keys get their defaults, unknown keys stay, time signatures such as "4/4" become "4".
 *
 * @throws {AceError} ERR_FILE when the file cannot be read, is no JSON (with line and column), holds a wrong type (with
 *   the sample's index and key), leads outside its folder, or names songs that do not exist.
 */
export async function loadDataset(path: string, options: LoadDatasetOptions = {}): Promise<LoadedDataset> {
  const { dataset, warnings } = parseDataset(await readText(path), path);
  const songs = await resolveSongs(dataset, dirname(resolve(path)), {
    allowRoots: options.allowRoots ?? [],
    onWarning: (line) => warnings.push(`${path}: ${line}`),
  }).catch((error: unknown) => {
    if (error instanceof AceError)
      throw new AceError(error.code, `${path}: ${error.message}`, { cause: error });
    throw error;
  });
  const missing = songs.flatMap((song, index) =>
    song.isMissing ? [`samples[${index}] ${song.audioFile}`] : [],
  );
  if (missing.length > 0 && options.missingAudio !== "keep") {
    const shown =
      missing.slice(0, 5).join(", ") + (missing.length > 5 ? `, and ${missing.length - 5} more` : "");
    throw new AceError(
      "ERR_FILE",
      `${path}: audio does not exist: ${shown}; mend audio_path or scan the folder again`,
    );
  }
  return { dataset, songs, path: resolve(path), warnings };
}

/**
 * {@link loadDataset} without the disk: text to a dataset with all defaults in place.
 *
 * @throws {AceError} ERR_FILE, its message beginning with `name`.
 */
export function parseDataset(text: string, name: string): { dataset: Dataset; warnings: string[] } {
  const mistake = findJsonMistake(text);
  if (mistake !== undefined) {
    throw new AceError(
      "ERR_FILE",
      `${name}: line ${mistake.line}, column ${mistake.column}: ${mistake.what}; correct it there or scan again`,
    );
  }
  const json: unknown = JSON.parse(text);
  const checked = Dataset.safeParse(officialForm(json));
  if (!checked.success) {
    const [first, ...others] = checked.error.issues;
    const more = others.length > 0 ? ` (and ${others.length} more)` : "";
    throw new AceError(
      "ERR_FILE",
      `${name}: ${first === undefined ? "not a dataset" : issueLine(first, json)}${more}`,
    );
  }
  const dataset = inFileOrder(json, checked.data);
  const warnings: string[] = [];
  dataset.samples.forEach((sample, index) => {
    const normal = normaliseTimeSignature(sample.timesignature);
    if (normal === sample.timesignature) return;
    warnings.push(
      `${name}: samples[${index}].timesignature: "${sample.timesignature}" is read as "${normal}"`,
    );
    sample.timesignature = normal;
  });
  return { dataset, warnings };
}

/** Side-Step writes a bare list, or an object without metadata. */
function officialForm(json: unknown): unknown {
  if (Array.isArray(json)) return { metadata: {}, samples: json as unknown[] };
  if (typeof json === "object" && json !== null && !("metadata" in json)) return { metadata: {}, ...json };
  return json;
}

/** Validation puts known keys first; saving must not move what the user's file has elsewhere. */
function inFileOrder(json: unknown, checked: Dataset): Dataset {
  const raw = officialForm(json) as { metadata: object; samples: object[] };
  return {
    ...raw,
    ...checked,
    metadata: { ...raw.metadata, ...checked.metadata },
    samples: checked.samples.map((sample, index) => ({ ...raw.samples[index], ...sample })),
  };
}

function issueLine(issue: z.core.$ZodIssue, json: unknown): string {
  const isBareList = Array.isArray(json);
  const path = isBareList ? issue.path.slice(1) : issue.path;
  const where = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  const came = issue.path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    isBareList ? { samples: json } : json,
  );
  const label = where.startsWith(".") ? where.slice(1) : isBareList ? `samples${where}` : "the file";
  return `${label}: ${wanted(issue)}, got ${shortJson(came)}`;
}

function wanted(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") return `expected ${issue.expected}`;
  if (issue.code === "invalid_value")
    return `expected one of ${issue.values.map((value) => shortJson(value)).join(", ")}`;
  return issue.message;
}

function shortJson(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}

async function readText(path: string): Promise<string> {
  if (isSongName(path)) {
    throw new AceError(
      "ERR_FILE",
      `${path}: is a song; expected a dataset.json, which \`acewright dataset scan\` makes of the folder of songs`,
    );
  }
  let bytes: Buffer;
  try {
    const { size } = await stat(path);
    if (size > mostBytes) {
      throw new AceError(
        "ERR_FILE",
        `${path}: is ${size} bytes; a dataset file of at most ${mostBytes} was expected`,
      );
    }
    bytes = await readFile(path);
  } catch (cause) {
    if (cause instanceof AceError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    const what =
      code === "ENOENT"
        ? "does not exist; make it with a scan"
        : code === "EISDIR"
          ? "is a folder; expected a dataset.json, which `acewright dataset scan` makes of a folder of songs"
          : String(cause);
    throw new AceError("ERR_FILE", `${path}: ${what}`, { cause });
  }
  if (bytes.length === 0) throw new AceError("ERR_FILE", `${path}: is empty; make it again with a scan`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AceError("ERR_FILE", `${path}: is not UTF-8 text; save it as UTF-8`, { cause });
  }
}
