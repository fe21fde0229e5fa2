import { resample } from "../../src/audio/resample.js";
import type { FindingCode } from "@acewright/dataset";
import { mapped, padded, peakOf, scaled, songRateHz, type Stereo } from "./songs.js";

/** A fault put into clean music at a random strength above what a check tells, and the finding it must give. */
export interface Defect {
  code: FindingCode;
  name: string;
  spoil(song: Stereo, random: () => number): Stereo;
  /** Sample rate of the spoilt file. */
  rateHz?: number;
}

const between = (random: () => number, least: number, most: number): number =>
  least + (most - least) * random();

function clip(song: Stereo, random: () => number): Stereo {
  const drive = between(random, 2, 6) / peakOf(song);
  return mapped(song, (sample) => Math.max(-1, Math.min(1, sample * drive)));
}

/** As if it had once been sampled at a lower rate. */
function dulled(song: Stereo, leastHz: number, mostHz: number, random: () => number): Stereo {
  const lowHz = Math.round(between(random, leastHz, mostHz) / 100) * 100;
  const pass = (side: Float32Array): Float32Array =>
    resample(resample(side, songRateHz, lowHz), lowHz, songRateHz);
  return [pass(song[0]), pass(song[1])];
}

export const defects: readonly Defect[] = [
  {
    code: "silent",
    name: "silence with some hiss",
    spoil: (song, random) => scaled(song, between(random, 0, 9e-4) / peakOf(song)),
  },
  {
    code: "silent-start",
    name: "silence before",
    spoil: (song, random) => padded(song, between(random, 5.1, 9), 0),
  },
  {
    code: "silent-end",
    name: "silence after",
    spoil: (song, random) => padded(song, 0, between(random, 5.1, 9)),
  },
  { code: "clipped", name: "clipping at full scale", spoil: clip },
  {
    code: "clipped",
    name: "clipping turned down",
    spoil: (song, random) => scaled(clip(song, random), between(random, 0.2, 0.95)),
  },
  {
    code: "dc-offset",
    name: "an offset",
    spoil: (song, random) => {
      const offset = between(random, 0.006, 0.02) * (random() < 0.5 ? -1 : 1);
      return mapped(song, (sample) => sample + offset);
    },
  },
  { code: "mono-as-stereo", name: "one side twice", spoil: ([left]) => [left, left.slice()] },
  {
    code: "out-of-phase",
    name: "one side inverted",
    spoil: ([left]) => [left, left.map((sample) => -sample)],
  },
  {
    code: "dead-channel",
    name: "one dead side",
    spoil: ([left, right], random) => {
      const hiss = left.map((sample) => sample * between(random, 0, 5e-4));
      return random() < 0.5 ? [left, hiss] : [hiss, right];
    },
  },
  {
    code: "spectral-cutoff",
    name: "the width of mp3 at 128 kb/s",
    spoil: (song, random) => dulled(song, 31_000, 34_000, random),
  },
  {
    code: "spectral-cutoff",
    name: "the width of a lower sample rate",
    spoil: (song, random) => dulled(song, 11_000, 24_000, random),
  },
  {
    code: "low-sample-rate",
    name: "a low sample rate",
    rateHz: 22_050,
    spoil: ([left, right]) => [resample(left, songRateHz, 22_050), resample(right, songRateHz, 22_050)],
  },
  {
    code: "too-short",
    name: "too short a length",
    spoil: ([left, right], random) => {
      const frames = Math.round(between(random, 0.1, 4.9) * songRateHz);
      return [left.slice(0, frames), right.slice(0, frames)];
    },
  },
];
