import { existsSync, readFileSync } from "node:fs";
import { parseDataset } from "./load-dataset.js";
import { saveDataset } from "./save-dataset.js";
import type { Dataset, Sample } from "./schema.js";

/**
 * Saves what a long work changed over the file as it is now: what somebody wrote into it since it was read stays, also where both
 * changed one value, for the work can be done again.
 *
 * @param before the dataset as the work read it
 * @param after the same with what the work has done
 * @returns the path written
 * @throws {AceError} ERR_FILE when the file is no dataset any more, or cannot be written.
 */
export function saveChanges(
  path: string,
  before: Dataset,
  after: Dataset,
  options: { backup?: boolean } = {},
): string {
  if (!existsSync(path)) return saveDataset(path, after, options);
  const { dataset: now } = parseDataset(readFileSync(path, "utf8"), path);
  return saveDataset(path, withChanges(now, before, after), options);
}

/** A dataset with what was changed between two others. Songs are known by their paths; those that are gone stay gone. */
export function withChanges(now: Dataset, before: Dataset, after: Dataset): Dataset {
  const places = new Map(now.samples.map(({ audio_path }, index) => [audio_path, index]));
  const samples = [...now.samples];
  for (const [index, edited] of after.samples.entries()) {
    const old = before.samples[index];
    if (old === undefined || old === edited) continue;
    const isInPlace = now.samples[index]?.audio_path === old.audio_path;
    const place = isInPlace ? index : places.get(old.audio_path);
    const sample = place === undefined ? undefined : samples[place];
    if (place !== undefined && sample !== undefined)
      samples[place] = mergedRecord(sample, old, edited) as Sample;
  }
  return { ...now, samples };
}

type Values = Readonly<Record<string, unknown>>;

/** Ours where we changed a value and they did not; records under a key are looked into once, as `acewright` is one. */
function mergedRecord(now: Values, before: Values, after: Values, depth = 0): Values {
  const merged: Record<string, unknown> = { ...now };
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [theirs, old, ours] = [now[key], before[key], after[key]];
    if (isSame(old, ours)) continue;
    if (isSame(theirs, old)) {
      if (ours === undefined) Reflect.deleteProperty(merged, key);
      else merged[key] = ours;
    } else if (depth === 0 && isRecord(theirs) && isRecord(ours)) {
      merged[key] = mergedRecord(theirs, isRecord(old) ? old : {}, ours, depth + 1);
    }
  }
  return merged;
}

function isRecord(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
