import type { MemoryPlan, RecomputePolicy } from "@acewright/core-native";
import { framesPerSecond } from "../frames.js";
import type { Work } from "./step-work.js";
import type { TimedStep } from "./timed-steps.js";

/** What the steps of one length came to. */
export interface MeasuredRow {
  /** Seconds of audio that each song of a step was trained on, crops being shorter than their songs; the mean of the timed steps. */
  readonly audioS: number;
  /** Songs, latent frames and decoder tokens of a step, without any padding; means of the timed steps. */
  readonly songs: number;
  readonly frames: number;
  readonly tokens: number;
  readonly recompute: RecomputePolicy;
  readonly warmupSteps: number;
  readonly timedSteps: number;
  /** Wall time of a step: forward, backward and update. */
  readonly milliseconds: { readonly median: number; readonly p10: number; readonly p90: number };
  /** Rates over all timed steps together. */
  readonly stepsPerSecond: number;
  readonly tokensPerSecond: number;
  /** Operations of a step as its program is shaped, padding to buckets included; undefined where no plan tells. */
  readonly flops: number | undefined;
  /** And what the recompute policy makes again. */
  readonly executedFlops: number | undefined;
  /** What is computed again is not counted: it makes no step quicker. */
  readonly teraflopsPerSecond: number | undefined;
  /** Of the peak rate, where that is known. */
  readonly shareOfPeak: number | undefined;
  readonly memory: {
    /** Before the first step, exact. */
    readonly planned: MemoryPlan;
    /** What the process (CPU) or the card (CUDA, with whatever else runs there) holds more than before the model was read. */
    readonly measuredBytes: number;
  };
  /** Of the very first step and of the last. */
  readonly firstLoss: number;
  readonly lastLoss: number;
  /** Steps whose loss or gradient was not finite. */
  readonly skippedSteps: number;
  /** What the run of these songs would take; absent of invented ones. */
  readonly run?: RunExpectation;
}

/** A whole run at the pace measured, its training steps alone: validations, songs and checkpoints come on top. */
export interface RunExpectation {
  readonly trainingSongs: number;
  readonly epochs: number;
  readonly steps: number;
  readonly expectedS: number;
}

/** A length that could not be measured. */
export interface RefusedRow {
  readonly audioS: number;
  /** Why, in a line: it does not fit into the device's memory. */
  readonly refused: string;
}

/** What was seen of one length. */
export interface Seen {
  readonly warmup: readonly TimedStep[];
  readonly timed: readonly TimedStep[];
  /** Of each timed step. */
  readonly work: readonly (Work | undefined)[];
  readonly recompute: RecomputePolicy;
  readonly patchSize: number;
  readonly planned: MemoryPlan;
  readonly measuredBytes: number;
  readonly peakTeraflops: number | undefined;
}

/** Reads off what a length came to; there must be a timed step. */
export function measuredRow({ warmup, timed, work, patchSize, ...seen }: Seen): MeasuredRow {
  const all = [...warmup, ...timed];
  const seconds = sum(timed.map(({ milliseconds }) => milliseconds)) / 1000;
  const refs = timed.map(({ microBatches }) => microBatches.flat());
  const frames = refs.map((places) => sum(places.map((place) => place.frames ?? 0)));
  const tokens = refs.map((places) => sum(places.map((place) => Math.ceil((place.frames ?? 0) / patchSize))));
  const songs = sum(refs.map(({ length }) => length));
  const flops = meanOf(work.map((step) => step?.flops));
  const teraflopsPerSecond = flops && (flops * timed.length) / seconds / 1e12;
  const quantileMs = quantiles(timed.map(({ milliseconds }) => milliseconds));
  return {
    audioS: sum(frames) / songs / framesPerSecond,
    songs: songs / timed.length,
    frames: sum(frames) / timed.length,
    tokens: sum(tokens) / timed.length,
    recompute: seen.recompute,
    warmupSteps: warmup.length,
    timedSteps: timed.length,
    milliseconds: { median: quantileMs(0.5), p10: quantileMs(0.1), p90: quantileMs(0.9) },
    stepsPerSecond: timed.length / seconds,
    tokensPerSecond: sum(tokens) / seconds,
    flops,
    executedFlops: meanOf(work.map((step) => step?.executedFlops)),
    teraflopsPerSecond,
    shareOfPeak: teraflopsPerSecond && seen.peakTeraflops && teraflopsPerSecond / seen.peakTeraflops,
    memory: { planned: seen.planned, measuredBytes: seen.measuredBytes },
    firstLoss: all[0]?.result.loss ?? Number.NaN,
    lastLoss: all.at(-1)?.result.loss ?? Number.NaN,
    skippedSteps: all.filter(({ result }) => result.skipped).length,
  };
}

/** Quantiles of a list that is not empty, linear between its sorted values. */
export function quantiles(values: readonly number[]): (share: number) => number {
  const sorted = [...values].sort((a, b) => a - b);
  return (share) => {
    const at = share * (sorted.length - 1);
    const [below = Number.NaN, above = below] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
    return below + (at % 1) * (above - below);
  };
}

function meanOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length < values.length ? undefined : sum(known) / known.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
