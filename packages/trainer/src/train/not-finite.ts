import type { StepResult } from "@acewright/core-native";
import type { NotFinite } from "../events.js";

/** The samples whose loss is not finite; where each loss is, the gradient is at fault and any sample may be. */
export function notFiniteOf(songs: readonly string[], { samples }: StepResult): NotFinite {
  const all = samples.map(({ loss, timestep }, i) => ({ song: songs[i] ?? "", timestep, loss }));
  const bad = all.filter(({ loss }) => !Number.isFinite(loss));
  const named = (bad.length > 0 ? bad : all).map(({ song, timestep }) => ({ song, timestep }));
  return { what: bad.length > 0 ? "loss" : "gradient", samples: named };
}

/** Names what was not finite in a line for people. */
export function culpritOf({ what, samples }: NotFinite): string {
  const names = samples.map(({ song, timestep }) => `${song} (timestep ${timestep.toFixed(4)})`).join(", ");
  return what === "loss" ? `the loss of ${names}` : `the gradient of ${names}`;
}
