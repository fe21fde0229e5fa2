import { formatBytes } from "@acewright/core-native";
import type { CheckedRun } from "../check-run.js";
import { flatten } from "../config/config-diff.js";
import { framesPerSecond } from "../frames.js";
import type { PlanningPort } from "../native-port.js";
import type { SuggestedSettings } from "./candidates.js";

/** One setting of a suggestion. */
export interface SuggestedChoice {
  /** Dotted path, such as `adapter.rank`. */
  readonly setting: string;
  readonly value: string | number | boolean;
  readonly why: string;
}

/** Settings and the run they make. */
export interface Tried {
  readonly settings: SuggestedSettings;
  readonly checked: CheckedRun<PlanningPort>;
}

/** @param batchWhy why the batch is no larger, or as large as it is */
export function reasonsFor(chosen: Tried, tried: readonly Tried[], batchWhy: string): SuggestedChoice[] {
  const why: Readonly<Record<string, () => string>> = {
    "adapter.rank": () => {
      const before = largerThan(chosen, tried, ({ settings }) => settings.adapter?.rank);
      return before === undefined
        ? "the usual width; more is a matter of taste, not of memory"
        : `rank ${String(before.settings.adapter?.rank)} needs ${needText(before.checked)}, whatever is recomputed`;
    },
    "adapter.targetMlp": () =>
      chosen.settings.adapter?.targetMlp === true
        ? "the MLP learns as well, as in the larger presets"
        : "attention alone, as in the smallest preset",
    "optimizer.kind": () => {
      const before = tried.findLast(({ settings }) => settings.optimizer === undefined);
      return before === undefined
        ? "moments in bytes"
        : `moments in bytes; with float32 ones it needs ${needText(before.checked)}`;
    },
    cropSeconds: () => {
      const before = largerThan(chosen, tried, ({ settings }) => settings.cropSeconds ?? Infinity);
      return before === undefined
        ? "the shortest crop"
        : `up to ${seconds(before.checked)} s need ${needText(before.checked)}, whatever is given up`;
    },
    recompute: () => {
      const { verdict } = chosen.checked.recompute;
      const which =
        verdict === "green"
          ? "the fastest that leaves a GiB to other programs"
          : `the best there is is ${verdict}`;
      return `${which}: ${needText(chosen.checked)}`;
    },
    batchSize: () => batchWhy,
    gradientAccumulation: () => {
      const { batchSize, gradientAccumulation } = chosen.checked.config;
      return `a step averages over ${batchSize * gradientAccumulation} songs`;
    },
  };
  return [...flatten(chosen.settings)].flatMap(([setting, value]) => {
    const reason = why[setting];
    return reason === undefined ? [] : [{ setting, value: value as SuggestedChoice["value"], why: reason() }];
  });
}

/** The last that was tried with more than was chosen. */
function largerThan(
  chosen: Tried,
  tried: readonly Tried[],
  sizeOf: (one: Tried) => number | undefined,
): Tried | undefined {
  return tried.findLast((one) => (sizeOf(one) ?? 0) > (sizeOf(chosen) ?? 0));
}

function seconds({ config, samples }: CheckedRun<PlanningPort>): number {
  const longest = samples.songs.reduce((most, { frames }) => Math.max(most, frames), 0);
  return Math.round(Math.min(longest, config.cropFrames ?? longest) / framesPerSecond);
}

function needText({ memory, device }: CheckedRun<PlanningPort>): string {
  return `${formatBytes(memory.totalBytes)} of ${formatBytes(device.info.freeBytes)}`;
}
