/** The checkpoints (by step) that may go when only the newest `keep` are to stay; 0 keeps all. */
export function expendable(steps: readonly number[], keep: number): number[] {
  if (keep === 0) return [];
  return [...steps].sort((a, b) => b - a).slice(keep);
}

export interface SaveSettings {
  readonly saveEverySteps?: number | undefined;
  readonly saveEveryEpochs: number;
}

/** Whether a checkpoint is due after so many done steps. */
export function saveIsDue(
  settings: SaveSettings,
  done: { steps: number; epochs: number; epochEnded: boolean },
) {
  if (settings.saveEverySteps !== undefined && done.steps % settings.saveEverySteps === 0) return true;
  return done.epochEnded && done.epochs % settings.saveEveryEpochs === 0;
}
