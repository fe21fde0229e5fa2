import { describe, expect, it } from "vitest";
import { integratedLoudness, LoudnessMeter } from "../../src/dsp/loudness.js";
import { sine } from "../audio/sounds.js";

const rate = 48000;

/** Pieces of a 997 or 1000 Hz sine one after another: seconds and level in dBFS of the sine's peak. */
function tones(pieces: readonly (readonly [number, number])[], sampleRateHz = rate, hz = 1000): Float32Array {
  const parts = pieces.map(([seconds, level]) => {
    return sine(Math.round(seconds * sampleRateHz), sampleRateHz, hz, 10 ** (level / 20));
  });
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const stereo = (samples: Float32Array): Float32Array[] => [samples, samples];

describe("integrated loudness", () => {
  // EBU Tech 3341, table 1, cases 1 to 5: both channels in phase, tolerance 0.1 LU.
  const cases: [string, [number, number][], number][] = [
    ["1: a sine at -23 dBFS", [[20, -23]], -23],
    ["2: a sine at -33 dBFS", [[20, -33]], -33],
    ["3: pauses of -36 around -23", [[10, -36], [60, -23], [10, -36]], -23], // prettier-ignore
    ["4: silence and pauses around -23", [[10, -72], [10, -36], [60, -23], [10, -36], [10, -72]], -23], // prettier-ignore
    ["5: -26, -20, -26", [[20, -26], [20.1, -20], [20, -26]], -23], // prettier-ignore
  ];
  it.each(cases)("is that of EBU Tech 3341 case %s", (_, pieces, lufs) => {
    expect(Math.abs(integratedLoudness(stereo(tones(pieces)), rate) - lufs)).toBeLessThan(0.1);
  });

  it("reads -3.01 for a 997 Hz sine at full scale in one channel, as BS.1770 defines it", () => {
    expect(integratedLoudness([tones([[5, 0]], rate, 997)], rate)).toBeCloseTo(-3.01, 2);
  });

  it("is the same at any sample rate", () => {
    for (const other of [8000, 11025, 22050, 44100, 88200, 96000, 192000]) {
      const samples = stereo(tones([[4, -23]], other, 997));
      expect(Math.abs(integratedLoudness(samples, other) + 23), `${other} Hz`).toBeLessThan(0.1);
    }
  });

  it("follows the curve of the recommendation's own filters", () => {
    const at = (hz: number): number => integratedLoudness([tones([[4, -20]], rate, hz)], rate) + 23.01;
    // Response of the coefficients that the recommendation tabulates for 48 kHz, over that at 997 Hz.
    expect(at(30)).toBeCloseTo(-8.99, 1);
    expect(at(100)).toBeCloseTo(-1.82, 1);
    expect(at(2000)).toBeCloseTo(2.38, 1);
    expect(at(10000)).toBeCloseTo(3.35, 1);
  });

  it("does not depend on how the stream is cut into blocks", () => {
    const [left, right] = [tones([[1, -20], [1, -30]]), tones([[2, -26]], rate, 300)]; // prettier-ignore
    const whole = integratedLoudness([left, right], rate);
    const meter = new LoudnessMeter(rate);
    for (let at = 0, size = 1; at < left.length; at += size, size = ((size * 7) % 5003) + 1) {
      meter.push([left.subarray(at, at + size), right.subarray(at, at + size)]);
    }
    expect(meter.integrated()).toBeCloseTo(whole, 10);
  });

  it("is -Infinity for silence and for less than one block", () => {
    expect(integratedLoudness(stereo(new Float32Array(rate)), rate)).toBe(-Infinity);
    expect(integratedLoudness(stereo(tones([[0.39, -10]])), rate)).toBe(-Infinity);
    expect(integratedLoudness(stereo(tones([[0.4, -10]])), rate)).toBeGreaterThan(-11);
  });

  it("refuses a rate it cannot weigh at", () => {
    expect(() => new LoudnessMeter(2000)).toThrow(/at least 4000/);
  });
});
