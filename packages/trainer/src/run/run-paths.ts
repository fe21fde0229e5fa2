import { join } from "node:path";

/** The names inside a run folder. */
export const runPaths = (run: string) => ({
  config: join(run, "config.json"),
  events: join(run, "events.jsonl"),
  checkpoints: join(run, "checkpoints"),
  checkpoint: (step: number) => join(run, "checkpoints", checkpointName(step)),
  tensorboard: join(run, "tensorboard"),
  samples: join(run, "samples"),
  best: join(run, "best"),
  final: join(run, "final"),
});

/** `step-00000120`: sorts by step as text. */
export function checkpointName(step: number): string {
  return `step-${String(step).padStart(8, "0")}`;
}

/** The step of a checkpoint's folder name; undefined for any other name. */
export function checkpointStep(name: string): number | undefined {
  const digits = /^step-(\d{8,15})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
