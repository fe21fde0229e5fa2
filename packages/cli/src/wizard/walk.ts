import { back, type Back } from "./questions.js";

/** Answer of a step that had nothing to ask. */
export const passed = Symbol("passed");

/** One question, or several that belong together. */
export type Step = () => Promise<Back | typeof passed | undefined>;

/**
 * Takes the steps one by one; a step that is gone back from leads to the last one before it that asked something.
 *
 * @returns {@link back} from the first one
 */
export async function walk(steps: readonly Step[]): Promise<Back | undefined> {
  const asked: number[] = [];
  let at = 0;
  for (let step = steps[at]; step !== undefined; step = steps[at]) {
    const outcome = await step();
    if (outcome === back) {
      const before = asked.pop();
      if (before === undefined) return back;
      at = before;
      continue;
    }
    if (outcome !== passed) asked.push(at);
    at += 1;
  }
  return undefined;
}
