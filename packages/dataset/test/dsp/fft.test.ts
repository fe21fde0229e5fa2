import { describe, expect, test } from "vitest";
import { ComplexFft, hannWindow, RealFft } from "../../src/dsp/fft.js";

function noise(length: number): Float64Array {
  let state = 7;
  return Float64Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** The definition, summed as it stands. */
function slowSpectrum(samples: Float64Array): [number, number][] {
  const size = samples.length;
  return Array.from({ length: size / 2 + 1 }, (_, bin) => {
    let [re, im] = [0, 0];
    samples.forEach((value, n) => {
      re += value * Math.cos((2 * Math.PI * bin * n) / size);
      im -= value * Math.sin((2 * Math.PI * bin * n) / size);
    });
    return [re, im];
  });
}

describe("RealFft", () => {
  test.each([4, 8, 64, 512])("equals the sum it stands for at %i samples", (size) => {
    const samples = noise(size);
    const fft = new RealFft(size);
    const [re, im] = [new Float64Array(fft.bins), new Float64Array(fft.bins)];
    fft.forward(samples, 0, undefined, re, im);
    slowSpectrum(samples).forEach(([wantRe, wantIm], bin) => {
      expect(re[bin]).toBeCloseTo(wantRe, 10);
      expect(im[bin]).toBeCloseTo(wantIm, 10);
    });
  });

  test("windows a frame, and counts samples beyond the ends as zero", () => {
    const samples = noise(100);
    const window = hannWindow(64);
    const fft = new RealFft(64);
    const power = new Float64Array(fft.bins);
    fft.power(samples, 70, window, power);
    const frame = Float64Array.from({ length: 64 }, (_, i) => (samples[70 + i] ?? 0) * (window[i] ?? 0));
    slowSpectrum(frame).forEach(([re, im], bin) => {
      expect(power[bin]).toBeCloseTo(re * re + im * im, 10);
    });
    fft.power(samples, -80, window, power);
    expect(Math.max(...power)).toBe(0);
  });

  test.each([0, 3, 12, 100.5])("refuses a size of %s", (size) => {
    expect(() => new RealFft(size)).toThrow(/power of two/);
  });
});

test("a complex transform and its inverse give back what went in", () => {
  const [re, im] = [noise(256), noise(256).reverse()];
  const [wasRe, wasIm] = [re.slice(), im.slice()];
  const fft = new ComplexFft(256);
  fft.forward(re, im);
  fft.inverse(re, im);
  re.forEach((value, i) => {
    expect(value).toBeCloseTo(wasRe[i] as number, 12);
    expect(im[i]).toBeCloseTo(wasIm[i] as number, 12);
  });
});
