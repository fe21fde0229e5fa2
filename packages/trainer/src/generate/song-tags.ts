import type { AudioTags } from "@acewright/dataset";
import { packageVersion } from "../package-version.js";
import type { AdapterUse } from "./adapter-use.js";
import type { GenerateSettings } from "./settings.js";

/** What a made song says of itself: enough to make it again. */
export function songTags(
  settings: GenerateSettings,
  sampling: { readonly steps: number; readonly shift: number; readonly guidance: number },
  model: string,
  adapters: readonly AdapterUse[],
): AudioTags {
  return {
    TITLE: settings.caption.length > 80 ? `${settings.caption.slice(0, 79)}…` : settings.caption,
    COMMENT: settings.caption,
    ENCODER: `acewright ${packageVersion}`,
    SEED: String(settings.seed),
    MODEL: model,
    SAMPLING: `${settings.method}, ${sampling.steps} steps, shift ${sampling.shift}, guidance ${sampling.guidance}`,
    ...(adapters.length > 0 && { ADAPTER: adapters.map(describeUse).join("; ") }),
    ...(settings.lyrics !== "" && { LYRICS: settings.lyrics }),
  };
}

/** As it is written on the command line. */
export function describeUse({ path, scale, which, groups = [], from, to }: AdapterUse): string {
  const parts = groups.map(({ group, scale: factor }) => `,${group}=${factor}`).join("");
  const span = from === undefined && to === undefined ? "" : `@${from ?? 0}-${to ?? 1}`;
  const step = which === undefined ? "" : ` (${typeof which === "number" ? `step ${which}` : which})`;
  return `${path}:${scale}${parts}${span}${step}`;
}
