import { describe, expect, it } from "vitest";
import { TruePeakMeter, truePeak } from "../../src/dsp/true-peak.js";

const rate = 48000;

function wave(hz: number, phaseDegrees: number, gain = 0.5): Float32Array {
  const phase = (phaseDegrees * Math.PI) / 180;
  // Faded in and out, so that the ends do not ring over the peak.
  return Float32Array.from({ length: 4800 }, (_, i) => {
    const fade = Math.min(1, i / 480, (4799 - i) / 480);
    return fade * gain * Math.sin((2 * Math.PI * hz * i) / rate + phase);
  });
}

const decibels = (value: number): number => 20 * Math.log10(value);

describe("true peak", () => {
  // EBU Tech 3341, table 1, cases 15 to 19: -6 dBTP, tolerance +0.2 and -0.4.
  it.each([
    [rate / 4, 0, 0.5],
    [rate / 4, 45, 0.5],
    [rate / 6, 60, 0.5],
    [rate / 8, 67.5, 0.5],
    [rate / 4, 45, 1.41],
  ])("of %d Hz at %d degrees, amplitude %d, is its amplitude", (hz, phase, gain) => {
    const error = decibels(truePeak([wave(hz, phase, gain)]) / gain);
    expect(error).toBeLessThan(0.2);
    expect(error).toBeGreaterThan(-0.4);
  });

  it("sees 3 dB that the samples do not show", () => {
    const samples = wave(12000, 45);
    expect(decibels(Math.max(...samples))).toBeCloseTo(-9.03, 1);
    expect(decibels(truePeak([samples]))).toBeCloseTo(-6.02, 1);
  });

  it("is never below the samples, in any channel and at either end", () => {
    const impulse = (at: number): Float32Array => {
      const samples = new Float32Array(100);
      samples[at] = -0.7;
      return samples;
    };
    for (const at of [0, 50, 99]) {
      expect(truePeak([new Float32Array(100), impulse(at)])).toBeCloseTo(0.7, 6);
    }
  });

  it("does not depend on how the stream is cut into blocks", () => {
    const samples = wave(11317, 20, 0.9);
    const meter = new TruePeakMeter(1);
    for (let at = 0, size = 1; at < samples.length; at += size, size = (size % 97) + 1) {
      meter.push([samples.subarray(at, at + size)]);
    }
    expect(meter.finish()).toBe(truePeak([samples]));
  });

  it("is 0 for silence and for nothing", () => {
    expect(truePeak([new Float32Array(1000)])).toBe(0);
    expect(truePeak([new Float32Array(0)])).toBe(0);
  });
});
