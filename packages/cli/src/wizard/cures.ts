import { describeCure } from "@acewright/trainer";
import type { MemoryCure } from "@acewright/trainer";
import type { Choice } from "./questions.js";

const beginning = "cure ";

/** What would make the run fit, each as an answer. */
export function cureChoices(cures: readonly MemoryCure[]): Choice[] {
  return cures.map((cure, i) => ({ value: `${beginning}${i}`, label: `make it fit: ${describeCure(cure)}` }));
}

/** The cure that an answer of {@link cureChoices} means. */
export function chosenCure(cures: readonly MemoryCure[], chosen: string): MemoryCure | undefined {
  return chosen.startsWith(beginning) ? cures[Number(chosen.slice(beginning.length))] : undefined;
}
