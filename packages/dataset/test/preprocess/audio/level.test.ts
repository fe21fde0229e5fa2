import { describe, expect, test } from "vitest";
import { integratedLoudness } from "../../../src/dsp/loudness.js";
import { truePeak } from "../../../src/dsp/true-peak.js";
import { normaliseLevel } from "../../../src/preprocess/audio/level.js";
import { seededRandom } from "../../audio/sounds.js";

const rateHz = 48_000;
const db = (amplitude: number): number => 20 * Math.log10(amplitude);

/** A few tones under a slow swell, with some noise: no two seeds alike. */
function music(seed: number): [Float32Array, Float32Array] {
  const random = seededRandom(seed);
  const level = 10 ** (-2 * random());
  const tones = Array.from({ length: 4 }, () => 60 * 2 ** (7 * random()));
  const make = (): Float32Array =>
    new Float32Array(Math.round(rateHz * (1 + 2 * random()))).map((_, i) => {
      const t = i / rateHz;
      const sum = tones.reduce((total, hz) => total + Math.sin(2 * Math.PI * hz * t), 0);
      return level * (0.2 * sum * (1 + Math.sin(3 * t)) + 0.1 * (random() - 0.5));
    });
  const left = make();
  return [left, left.map((value) => 0.7 * value)];
}

describe("normalising", () => {
  test("to a loudness reaches it within 0.01 LU where the ceiling lets it, and never passes the ceiling", () => {
    let [reached, held] = [0, 0];
    for (let seed = 0; seed < 12; seed++) {
      const channels = music(seed);
      const level = {
        normalize: "lufs",
        target: -14 - (seed % 3) * 3,
        ceilingDb: -1 - (seed % 2) * 12,
      } as const;
      const { heldBackDb } = normaliseLevel(channels, rateHz, level);
      expect(db(truePeak(channels))).toBeLessThanOrEqual(level.ceilingDb + 1e-4);
      const lufs = integratedLoudness(channels, rateHz);
      expect(Math.abs(lufs + heldBackDb - level.target)).toBeLessThan(0.01);
      if (heldBackDb === 0) reached++;
      else held++;
    }
    // Both ways were taken, or the test shows nothing.
    expect(Math.min(reached, held)).toBeGreaterThan(0);
  });

  test("to a peak reaches it within 0.001 dB, or what the ceiling leaves", () => {
    for (let seed = 20; seed < 26; seed++) {
      const channels = music(seed);
      normaliseLevel(channels, rateHz, { normalize: "peak", target: -3, ceilingDb: 0 });
      const peak = channels[0].reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(Math.abs(db(peak) + 3)).toBeLessThan(0.001);
      const { heldBackDb } = normaliseLevel(channels, rateHz, {
        normalize: "peak",
        target: -1,
        ceilingDb: -6,
      });
      expect(db(truePeak(channels))).toBeLessThanOrEqual(-6 + 1e-4);
      expect(heldBackDb).toBeGreaterThan(4.9);
    }
  });

  test("twice changes nothing more", () => {
    const channels = music(3);
    const level = { normalize: "lufs", target: -20, ceilingDb: -1 } as const;
    normaliseLevel(channels, rateHz, level);
    expect(Math.abs(normaliseLevel(channels, rateHz, level).gainDb)).toBeLessThan(0.001);
  });

  test("leaves silence, and what is too quiet to have a loudness, as they are", () => {
    for (const quiet of [0, 1e-7, 1e-5]) {
      const channels = [new Float32Array(rateHz).fill(quiet), new Float32Array(rateHz).fill(quiet)];
      const change = normaliseLevel(channels, rateHz, { normalize: "lufs", target: -14, ceilingDb: -1 });
      expect(change).toEqual({ gainDb: 0, heldBackDb: 0 });
      expect(channels[0]?.every((value) => value === Math.fround(quiet))).toBe(true);
    }
  });
});
