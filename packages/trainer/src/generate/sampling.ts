import { AceError, turboTimes, type ModelConfig, type SampleRequest } from "@acewright/core-native";
import {
  silenceContext,
  variantSampling,
  type SilenceLatent,
  type VariantSampling,
} from "@acewright/dataset";
import { framesPerSecond } from "../frames.js";
import type { GenerateSettings } from "./settings.js";

/** How a model turns noise into latents, every choice made. */
export interface Sampling extends VariantSampling {
  /** Falling times in (0, 1], without the final 0. */
  readonly times: readonly number[];
}

/**
 * What the user left open is filled in as the published models are used.
 *
 * @param folder the model's own
 */
export function samplingFor(
  settings: Pick<GenerateSettings, "steps" | "shift" | "guidance">,
  model: Pick<ModelConfig, "isTurbo">,
  folder: string,
): Sampling {
  const usual = variantSampling(model, folder);
  const { steps = usual.steps, shift = usual.shift, guidance = usual.guidance } = settings;
  return { times: turboTimes(shift, steps), steps, shift, guidance };
}

/** Latent frames of a song of this length. */
export function framesOf({ durationS }: Pick<GenerateSettings, "durationS">): number {
  return Math.max(1, Math.round(durationS * framesPerSecond));
}

/** The words of a song as numbers. */
export type SongWords = Pick<SampleRequest, "condition" | "negative">;

/** Upstream never generates less; what is beyond the asked length is cut. */
const fewestFrames = 128;

/**
 * What the native sampler is asked for one song.
 *
 * @throws {AceError} ERR_CONFIG when settings speak against each other.
 */
export function sampleRequest(
  settings: GenerateSettings,
  { times, guidance }: Sampling,
  words: SongWords,
  silence: SilenceLatent,
): SampleRequest {
  if (settings.guidanceFrom > settings.guidanceTo) {
    throw new AceError(
      "ERR_CONFIG",
      `guidanceFrom: ${settings.guidanceFrom} lies above guidanceTo (${settings.guidanceTo}), so that guidance never works`,
    );
  }
  if (settings.negativeCaption !== undefined && guidance <= 1) {
    throw new AceError(
      "ERR_CONFIG",
      `negativeCaption: does nothing at guidance ${guidance}; set a guidance above 1`,
    );
  }
  return {
    ...words,
    contextLatents: silenceContext(silence, Math.max(framesOf(settings), fewestFrames)),
    seed: settings.seed,
    times,
    method: settings.method,
    guidance,
    guidanceInterval: [settings.guidanceFrom, settings.guidanceTo],
    guidanceMomentum: settings.guidanceMomentum,
    guidanceLimit: settings.guidanceLimit,
    guidanceParallel: settings.guidanceParallel,
  };
}
