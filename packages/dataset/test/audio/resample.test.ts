import { describe, expect, it } from "vitest";
import { designResampleFilter, resample, Resampler } from "../../src/audio/resample.js";
import { fit, seededRandom, sine } from "./sounds.js";

const oneSecond = (rateHz: number, hz: number): { got: Float32Array; wanted: Float32Array } => ({
  got: resample(sine(rateHz, rateHz, hz), rateHz, 48000),
  wanted: sine(48000, 48000, hz),
});

describe("resampling to 48 kHz", () => {
  it.each([
    [44100, 997],
    [44100, 9973],
    [44100, 19990],
    [32000, 7001],
    [22050, 5003],
    [11025, 3001],
    [8000, 1009],
    [88200, 15013],
    [96000, 19990],
    [192000, 997],
    [47999, 997],
  ])("keeps a sine at %i Hz of %i Hz to better than 120 dB, in place and at its level", (rateHz, hz) => {
    const { got, wanted } = oneSecond(rateHz, hz);
    const { snrDb, gain } = fit(got, wanted);
    expect(snrDb).toBeGreaterThan(120);
    expect(Math.abs(gain - 1)).toBeLessThan(1e-5);
  });

  it("is flat to 20 kHz within a thousandth of a decibel", () => {
    for (const hz of [20, 100, 1000, 5000, 10000, 15000, 18000, 20000]) {
      const { got, wanted } = oneSecond(44100, hz);
      expect(Math.abs(20 * Math.log10(fit(got, wanted).gain))).toBeLessThan(1e-3);
    }
  });

  it("takes out by 120 dB what 48 kHz cannot hold", () => {
    for (const hz of [25000, 30000, 40000, 47000]) {
      const got = resample(sine(96000, 96000, hz, 1), 96000, 48000).subarray(4800, 43200);
      const power = got.reduce((sum, x) => sum + x * x, 0) / got.length;
      expect(10 * Math.log10(power / 0.5)).toBeLessThan(-120);
    }
  });

  it("gives exactly round(n * 48000 / rate) samples", () => {
    const random = seededRandom(1);
    for (let round = 0; round < 300; round++) {
      const rateHz = [8000, 11025, 16000, 22050, 32000, 44100, 88200, 96000, 176400, 47999][
        round % 10
      ] as number;
      const frames = 1 + Math.floor(random() * 3000);
      expect(resample(new Float32Array(frames), rateHz, 48000).length).toBe(
        Math.round((frames * 48000) / rateHz),
      );
    }
  });

  it("returns 48 kHz material untouched, in its own memory", () => {
    const samples = sine(1000, 48000, 440);
    const got = resample(samples, 48000, 48000);
    expect(got).toEqual(samples);
    expect(got.buffer).not.toBe(samples.buffer);
  });

  it("gives the same bits however the input is cut into blocks, also after a clone", () => {
    const random = seededRandom(2);
    const input = Float32Array.from({ length: 30011 }, () => random() - 0.5);
    for (const rateHz of [44100, 96000, 16000]) {
      const whole = resample(input, rateHz, 48000);
      let resampler = new Resampler(designResampleFilter(rateHz, 48000));
      const parts: number[] = [];
      for (let at = 0; at < input.length;) {
        const size = Math.floor(random() * 700);
        parts.push(...resampler.push(input.subarray(at, at + size)));
        at += size;
        if (random() < 0.1) resampler = resampler.clone();
      }
      parts.push(...resampler.finish());
      expect(Float32Array.from(parts)).toEqual(whole);
    }
  });

  it("keeps a constant constant", () => {
    const got = resample(new Float32Array(44100).fill(0.25), 44100, 48000).subarray(200, -200);
    for (const sample of got) expect(Math.abs(sample - 0.25)).toBeLessThan(1e-7);
  });
});
