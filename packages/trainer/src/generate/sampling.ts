import { turboTimes, type ModelConfig } from "@acewright/core-native";
import type { GenerateSettings } from "./settings.js";

/** How a model turns noise into latents, every choice made. */
export interface Sampling {
  /** Falling times in (0, 1], without the final 0. */
  readonly times: readonly number[];
  readonly steps: number;
  readonly shift: number;
  readonly guidance: number;
}

/** What the user left open is filled in as the published models are used: turbo 8 steps at shift 3 without guidance. */
export function samplingFor(
  settings: Pick<GenerateSettings, "steps" | "shift" | "guidance">,
  model: Pick<ModelConfig, "isTurbo">,
): Sampling {
  const steps = settings.steps ?? (model.isTurbo ? 8 : 50);
  const shift = settings.shift ?? (model.isTurbo ? 3 : 1);
  const guidance = settings.guidance ?? (model.isTurbo ? 1 : 7);
  return { times: turboTimes(shift, steps), steps, shift, guidance };
}
