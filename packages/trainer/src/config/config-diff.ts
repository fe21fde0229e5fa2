import type { TrainConfig } from "./train-config.js";

/** Fields that change no number of a run: where things lie, how often one looks, how memory and cores are used. */
export const harmless: ReadonlySet<string> = new Set([
  "tensors",
  "model",
  "output",
  "regularization",
  "foreignTensors",
  "device",
  "threads",
  "recompute",
  "saveEverySteps",
  "saveEveryEpochs",
  "keepCheckpoints",
  "sampleEvery",
  "samplePrompts",
  "sampleAudio",
  "logEvery",
  "logHeavyEvery",
  "environment.acewright",
  "environment.from",
  // Grows while a run meets new shapes; a device that cannot take them says so itself.
  "environment.algorithms",
]);

/** The fields that decide a run's numbers, without ways to folders: what an adapter remembers of its making. */
export function decidingSettings(config: TrainConfig): Record<string, unknown> {
  const entries = Object.entries(config) as [string, unknown][];
  return Object.fromEntries(
    entries.filter(([field]) => !harmless.has(field) && !["environment", "from"].includes(field)),
  );
}

/** One field in which two configurations differ. */
export interface ConfigChange {
  /** Dotted path, such as `adapter.rank`. */
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** The differences that would make a resumed run another run; both sides fully resolved. */
export function configChanges(before: TrainConfig, after: TrainConfig): ConfigChange[] {
  const [old, now] = [flatten(before), flatten(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter(
      (field) => !harmless.has(field) && JSON.stringify(old.get(field)) !== JSON.stringify(now.get(field)),
    )
    .map((field) => ({ field, before: old.get(field), after: now.get(field) }));
}

/** `learningRate: 0.0001 -> 0.0003; adapter.rank: 64 -> 32` */
export function describeChanges(changes: readonly ConfigChange[]): string {
  const text = (value: unknown) => (value === undefined ? "not set" : JSON.stringify(value));
  return changes.map(({ field, before, after }) => `${field}: ${text(before)} -> ${text(after)}`).join("; ");
}

/** Every setting by its dotted path, in the schema's order. */
export function flatten(value: object, prefix = "", into = new Map<string, unknown>()): Map<string, unknown> {
  for (const [key, entry] of Object.entries(value) as [string, unknown][]) {
    if (entry === undefined) continue;
    if (typeof entry === "object" && entry !== null && !Array.isArray(entry)) {
      flatten(entry, `${prefix}${key}.`, into);
    } else into.set(`${prefix}${key}`, entry);
  }
  return into;
}
