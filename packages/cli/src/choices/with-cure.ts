import type { MemoryCure } from "@acewright/trainer";
import { withValue, type Values } from "./values.js";

/** The settings with all that a cure changes of them. */
export function withCure(values: Values, cure: MemoryCure): Values {
  const { recompute, batchSize, optimizer, rank, cropSeconds } = cure;
  const changes: readonly (readonly [path: readonly string[], value: unknown])[] = [
    [["recompute"], recompute],
    [["batchSize"], batchSize],
    [["optimizer", "kind"], optimizer],
    [["adapter", "rank"], rank],
    [["cropSeconds"], cropSeconds],
  ];
  // The schema takes a crop in seconds or in frames, not both.
  const kept = cropSeconds === undefined ? values : withValue(values, ["cropFrames"], undefined);
  return changes.reduce(
    (left, [path, value]) => (value === undefined ? left : withValue(left, path, value)),
    kept,
  );
}
