import type { TrainConfigInput } from "../config/train-config.js";
import { framesPerSecond } from "../frames.js";

/** Settings that a suggestion chooses; the user's own are never among them. */
export interface SuggestedSettings {
  readonly adapter?: { readonly kind: string; readonly rank?: number; readonly targetMlp?: boolean };
  readonly optimizer?: { readonly kind: "adamw8bit" };
  readonly cropSeconds?: number;
  readonly recompute?: string;
  readonly batchSize?: number;
  readonly gradientAccumulation?: number;
}

/** What stands open for a suggestion to choose. */
export interface Open {
  readonly rank: boolean;
  readonly targetMlp: boolean;
  readonly optimizer: boolean;
  readonly crop: boolean;
  readonly recompute: boolean;
  readonly batch: boolean;
  readonly accumulation: boolean;
}

/** What the user left to choose; `ranksAreKnown`: a Fisher map or a pattern decides them. */
export function openOf(given: TrainConfigInput, ranksAreKnown: boolean): Open {
  const { adapter = { kind: "lora" } } = given;
  const hasRank = adapter.kind !== "lokr" && !ranksAreKnown;
  return {
    rank: hasRank && adapter.rank === undefined,
    targetMlp: hasRank && adapter.targetMlp === undefined && adapter.targetModules === undefined,
    optimizer: given.optimizer === undefined,
    crop: given.cropSeconds === undefined && given.cropFrames === undefined,
    recompute: given.recompute === undefined,
    batch: given.batchSize === undefined,
    accumulation: given.gradientAccumulation === undefined,
  };
}

/** The ranks of the official and Side-Step tables, each with the modules those tables give it. */
const widths = [
  { rank: 64, targetMlp: true },
  { rank: 32, targetMlp: true },
  { rank: 16, targetMlp: false },
] as const;

/** Seconds of crops, falling; a minute is what Side-Step recommends. */
const crops = [120, 60, 30, 15, 5];

/**
 * What to try, the best first. Given up in this order: full float32 moments (bytes train as well), rank and MLP, and last the
 * length of what is heard, because a crop hides the song's form from the adapter. Policies are not tried here: they cost
 * time and nothing else, so every candidate may take the thriftiest.
 */
export function candidatesFor(
  given: TrainConfigInput,
  open: Open,
  longestFrames: number,
): SuggestedSettings[] {
  const { kind = "lora" } = given.adapter ?? {};
  const ranked = open.rank || open.targetMlp ? widths : [undefined];
  const sizes = ranked.flatMap((width) => {
    const adapter = width && {
      adapter: {
        kind,
        ...(open.rank && { rank: width.rank }),
        ...(open.targetMlp && { targetMlp: width.targetMlp }),
      },
    };
    const full: SuggestedSettings = { ...adapter };
    const bytes: SuggestedSettings = { ...adapter, optimizer: { kind: "adamw8bit" } };
    return open.optimizer ? [full, bytes] : [full];
  });
  const least = sizes.at(-1) ?? {};
  const shorter = open.crop ? crops.filter((seconds) => seconds * framesPerSecond < longestFrames) : [];
  return [...sizes, ...shorter.map((cropSeconds) => ({ ...least, cropSeconds }))];
}
