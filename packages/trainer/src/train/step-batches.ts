import type { SampleRef } from "@acewright/core-native";
import { epochBatches, type Place } from "../plan/epoch.js";
import { stepPosition } from "../plan/steps.js";
import { epochSettingsOf } from "../config/resolve-config.js";
import type { OpenRun } from "./open-run.js";

/** What one optimizer step trains on. */
export interface StepBatches {
  readonly microBatches: SampleRef[][];
  /** Ids of the songs, in the order of the micro-batches. */
  readonly songs: readonly string[];
  /** Whether each of them is of the regularization set. */
  readonly isMixedIn: readonly boolean[];
  /** From 0. */
  readonly epoch: number;
}

/** Gives each step its micro-batches: a function of configuration and step, with the epoch at hand kept. */
export class StepPlanner {
  private epoch: { readonly number: number; readonly batches: Place[][] } | undefined;

  constructor(
    private readonly run: Pick<OpenRun, "config" | "model" | "samples" | "split" | "handles"> & {
      readonly plan: { readonly batchesPerEpoch: number };
    },
  ) {}

  batchesOf(step: number): StepBatches {
    const { epoch, from, to } = this.position(step);
    const batches = this.epochAt(epoch).slice(from, to);
    // The key is the place within the step, so that no two songs of a step share their noise.
    let key = 0;
    return {
      epoch,
      microBatches: batches.map((batch) => batch.map((place) => ({ ...this.refOf(place), key: key++ }))),
      songs: batches.flat().map(({ song }) => this.run.samples.songs[song]?.id ?? ""),
      isMixedIn: batches.flat().map(({ song }) => this.isMixedIn(song)),
    };
  }

  /** Where a step stands, from 0. */
  position(step: number) {
    const { plan, config } = this.run;
    const { gradientAccumulation } = config;
    return stepPosition({ batchesPerEpoch: plan.batchesPerEpoch, gradientAccumulation }, step);
  }

  private epochAt(number: number): Place[][] {
    if (this.epoch?.number === number) return this.epoch.batches;
    const { config, model, samples, split } = this.run;
    const all = [...split.training, ...split.regularization];
    const shapes = all.map((song) => samples.songs[song] as (typeof samples.songs)[number]);
    const own = split.training.length;
    const settings = epochSettingsOf(config, model.patchSize);
    const batches = epochBatches(shapes.slice(0, own), settings, number, shapes.slice(own));
    const inAll = (place: Place) => ({ ...place, song: all[place.song] as number });
    this.epoch = { number, batches: batches.map((batch) => batch.map(inAll)) };
    return this.epoch.batches;
  }

  private isMixedIn(song: number): boolean {
    return song >= (this.run.samples.regularization?.from ?? Infinity);
  }

  private refOf({ song, start, frames, variant }: Place): Omit<SampleRef, "key"> {
    const weight = this.isMixedIn(song) && { weight: this.run.config.regularizationWeight };
    return { sample: this.run.handles[song] as number, start, frames, variant, ...weight };
  }
}
