import { describeCure } from "@acewright/trainer";
import type { MemoryCure } from "@acewright/trainer";
import type { Choice } from "./questions.js";
import { withValue, type Values } from "./settings/values.js";

const beginning = "cure ";

/** What would make the run fit, each as an answer. */
export function cureChoices(cures: readonly MemoryCure[]): Choice[] {
  return cures.map((cure, i) => ({ value: `${beginning}${i}`, label: `make it fit: ${describeCure(cure)}` }));
}

/** The cure that an answer of {@link cureChoices} means. */
export function chosenCure(cures: readonly MemoryCure[], chosen: string): MemoryCure | undefined {
  return chosen.startsWith(beginning) ? cures[Number(chosen.slice(beginning.length))] : undefined;
}

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
