import type { Variant } from "../pieces/variant.js";
import type { LevelChange, LevelSettings } from "./level.js";
import { normaliseLevel } from "./level.js";
import { renderVariant } from "./render-variant.js";

/** One change of a sound; plain data, it crosses to the worker thread. */
export interface SoundRequest {
  /** The song, for messages. */
  readonly path: string;
  readonly channels: Float32Array<ArrayBuffer>[];
  readonly sampleRateHz: number;
  readonly change:
    | { readonly kind: "level"; readonly level: LevelSettings }
    | { readonly kind: "variant"; readonly variant: Variant; readonly ceilingDb: number };
}

export interface ChangedSound {
  readonly channels: Float32Array<ArrayBuffer>[];
  readonly level: LevelChange;
}

/** Does the change on this thread. */
export function changeSoundHere({ channels, sampleRateHz, change }: SoundRequest): ChangedSound {
  if (change.kind === "level")
    return { channels, level: normaliseLevel(channels, sampleRateHz, change.level) };
  return renderVariant(channels, change.variant, sampleRateHz, change.ceilingDb);
}
