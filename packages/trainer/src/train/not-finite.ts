import type { StepResult } from "@acewright/core-native";
import type { NotFinite } from "../events.js";

/** The samples whose loss is not finite; where each loss is, the gradient is at fault and any sample may be. */
export function notFiniteOf(songs: readonly string[], { samples, moduleNorms = {} }: StepResult): NotFinite {
  const all = samples.map(({ loss, timestep }, i) => ({ song: songs[i] ?? "", timestep, loss }));
  const bad = all.filter(({ loss }) => !Number.isFinite(loss));
  const named = (bad.length > 0 ? bad : all).map(({ song, timestep }) => ({ song, timestep }));
  const modules = Object.entries(moduleNorms).flatMap(([name, norm]) =>
    Number.isFinite(norm) ? [] : [name],
  );
  return { what: bad.length > 0 ? "loss" : "gradient", samples: named, modules };
}

/** Names what was not finite in a line for people. */
export function culpritOf({ what, samples, modules }: NotFinite): string {
  const names = samples.map(({ song, timestep }) => `${song} (timestep ${timestep.toFixed(4)})`).join(", ");
  if (what === "loss") return `the loss of ${names}`;
  const from = modules.at(-1);
  return `the gradient of ${names}${from === undefined ? "" : `, from ${from} on,`}`;
}
