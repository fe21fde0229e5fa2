import { expect, test } from "vitest";
import { integratedLoudness } from "@acewright/dataset";
import { matchLoudness, normalisePeak, targetPeak } from "../../src/generate/loudness.js";

test("the largest sample of both channels comes to -1 dB, the balance stays", () => {
  const wave = [Float32Array.of(0.1, -0.2), Float32Array.of(0.05, 0)];
  expect(normalisePeak(wave)).toBeCloseTo(0.2);
  expect(targetPeak).toBeCloseTo(0.8913, 4);
  expect(wave[0]?.[1]).toBeCloseTo(-targetPeak);
  expect(wave[1]?.[0]).toBeCloseTo(targetPeak / 4);
});

test("what is too loud comes down, silence stays silence", () => {
  const loud = [Float32Array.of(3)];
  normalisePeak(loud);
  expect(loud[0]?.[0]).toBeCloseTo(targetPeak);
  const silent = [new Float32Array(3)];
  normalisePeak(silent);
  expect(silent[0]).toEqual(new Float32Array(3));
});

test("a sample that is not finite is an error", () => {
  expect(() => normalisePeak([Float32Array.of(0, NaN)])).toThrow(/a generated sample is NaN/);
});

test("songs are brought down to the loudness of the quietest, silence stays", () => {
  const sine = (level: number) => Float32Array.from({ length: 48_000 }, (_, i) => level * Math.sin(i / 10));
  const songs = [0.8, 0.1, 0.4, 0].map((level) => [sine(level), sine(level)]);
  const gains = matchLoudness(songs, 48_000);
  [-18.0618, 0, -12.0412, 0].forEach((gain, index) => {
    expect(gains[index]).toBeCloseTo(gain, 2);
  });
  const [loud, quiet, middle, silent] = songs.map((song) => integratedLoudness(song, 48_000));
  expect(loud).toBeCloseTo(quiet ?? NaN, 3);
  expect(middle).toBeCloseTo(quiet ?? NaN, 3);
  expect(silent).toBe(-Infinity);
});
