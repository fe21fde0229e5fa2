import type { TimestepLoss } from "../events.js";

/** Equal parts of the range of timesteps. */
const parts = 5;

/** Mean losses over the parts of the range of timesteps that have any. */
export function lossByTimestep(answers: readonly { loss: number; timestep: number }[]): TimestepLoss[] {
  return Array.from({ length: parts }, (_, i) => {
    const inside = answers.filter(({ timestep }) => Math.min(parts - 1, Math.floor(timestep * parts)) === i);
    return { from: i / parts, to: (i + 1) / parts, loss: meanLoss(inside), samples: inside.length };
  }).filter(({ samples }) => samples > 0);
}

/** NaN without any. */
export function meanLoss(answers: readonly { loss: number }[]): number {
  return answers.reduce((sum, { loss }) => sum + loss, 0) / answers.length;
}
