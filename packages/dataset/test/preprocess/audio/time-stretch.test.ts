import { describe, expect, test } from "vitest";
import { truePeak } from "../../../src/dsp/true-peak.js";
import { pitchShift } from "../../../src/preprocess/audio/pitch-shift.js";
import { renderVariant } from "../../../src/preprocess/audio/render-variant.js";
import { timeStretch } from "../../../src/preprocess/audio/time-stretch.js";
import { seededRandom } from "../../audio/sounds.js";

const rateHz = 48_000;

function tone(hz: number, seconds: number, level = 0.5): Float32Array<ArrayBuffer> {
  return new Float32Array(Math.round(seconds * rateHz)).map(
    (_, i) => level * Math.sin((2 * Math.PI * hz * i) / rateHz),
  );
}

/** Frequency of a tone near `nearHz`: the slope of its phase against a reference, away from the ends. */
function frequencyOf(samples: Float32Array, nearHz: number): number {
  const window = 4800;
  const phases: number[] = [];
  for (let from = window; from + 2 * window < samples.length; from += window / 2) {
    let [re, im] = [0, 0];
    for (let i = 0; i < window; i++) {
      const angle = (2 * Math.PI * nearHz * (from + i)) / rateHz;
      const hann = 1 - Math.cos((2 * Math.PI * i) / window);
      re += hann * (samples[from + i] as number) * Math.cos(angle);
      im -= hann * (samples[from + i] as number) * Math.sin(angle);
    }
    phases.push(Math.atan2(im, re));
  }
  let turned = 0;
  for (let i = 1; i < phases.length; i++) {
    const step = (phases[i] as number) - (phases[i - 1] as number);
    turned += step - 2 * Math.PI * Math.round(step / (2 * Math.PI));
  }
  const seconds = ((phases.length - 1) * window) / 2 / rateHz;
  return nearHz + turned / (2 * Math.PI * seconds);
}

const cents = (hz: number, wanted: number): number => 1200 * Math.log2(hz / wanted);

/** Clicks of a tempo, with a little noise under them as a room has. */
function clicks(bpm: number, seconds: number): Float32Array<ArrayBuffer> {
  const random = seededRandom(7);
  const out = new Float32Array(seconds * rateHz).map(() => 0.002 * (random() - 0.5));
  for (let at = rateHz / 2; at < out.length - 2000; at += (60 * rateHz) / bpm) {
    for (let i = 0; i < 1500; i++) {
      const click = Math.exp(-i / 200) * Math.sin((2 * Math.PI * 1800 * i) / rateHz);
      out[Math.round(at) + i] = (out[Math.round(at) + i] as number) + 0.6 * click;
    }
  }
  return out;
}

/** Seconds between the first and the last click, and how many lie between. */
function clickPace(samples: Float32Array): number {
  const onsets: number[] = [];
  for (let i = 0; i < samples.length; i++) {
    if (Math.abs(samples[i] as number) > 0.25 && i - (onsets.at(-1) ?? -Infinity) > 0.15 * rateHz)
      onsets.push(i);
  }
  // The slope of a line through all onsets: one click moved by a join does not decide.
  const middle = (onsets.length - 1) / 2;
  const mean = onsets.reduce((sum, at) => sum + at, 0) / onsets.length;
  let [top, bottom] = [0, 0];
  for (const [i, at] of onsets.entries()) {
    top += (i - middle) * (at - mean);
    bottom += (i - middle) ** 2;
  }
  return top / bottom / rateHz;
}

const rotate = <Value>(values: readonly Value[], count: number): Value[] => {
  const start = new Date().getUTCDate() % values.length;
  return Array.from({ length: count }, (_, i) => values[(start + i) % values.length] as Value);
};
const isFull = process.env["ACEWRIGHT_TEST_FULL"] === "1";
const some = <Value>(values: readonly Value[], count: number): Value[] =>
  isFull ? [...values] : rotate(values, count);

const tones = [55, 98.3, 220, 440, 997, 1864.7, 3520, 6000];
const tempos = [0.7, 0.85, 0.95, 1.03, 1.2, 1.4];
const shifts = [-6, -3, -1, -0.5, 0.25, 1, 2, 4, 6];

describe("a tone", () => {
  test("keeps its pitch within 3 cents at another tempo, and its length is exact", () => {
    for (const tempo of some(tempos, 3)) {
      for (const hz of some(tones, 4)) {
        const [out] = timeStretch([tone(hz, 6)], tempo, rateHz) as [Float32Array];
        expect(out.length).toBe(Math.round((6 * rateHz) / tempo));
        expect(Math.abs(cents(frequencyOf(out, hz), hz)), `${hz} Hz at ${tempo}`).toBeLessThan(3);
      }
    }
  });

  test("is shifted within 3 cents of where it should be, and keeps its length to the sample", () => {
    for (const semitones of some(shifts, 4)) {
      for (const hz of some(tones, 3)) {
        const [out] = pitchShift([tone(hz, 5)], semitones, rateHz) as [Float32Array];
        expect(out.length).toBe(5 * rateHz);
        const wanted = hz * 2 ** (semitones / 12);
        expect(Math.abs(cents(frequencyOf(out, wanted), wanted)), `${hz} Hz by ${semitones}`).toBeLessThan(3);
      }
    }
  });

  test("keeps its level within 0.5 dB: joins neither cancel nor add up", () => {
    for (const hz of some(tones, 3)) {
      const [out] = timeStretch([tone(hz, 4)], 0.9, rateHz) as [Float32Array];
      const middle = out.subarray(rateHz, 3 * rateHz);
      const rms = Math.sqrt(middle.reduce((sum, value) => sum + value * value, 0) / middle.length);
      expect(Math.abs(20 * Math.log10(rms / (0.5 / Math.SQRT2))), `${hz} Hz`).toBeLessThan(0.5);
    }
  });
});

describe("clicks", () => {
  test("come within 0.2 % of the new tempo", () => {
    for (const tempo of some(tempos, 3)) {
      const source = clicks(113, 30);
      const [out] = timeStretch([source], tempo, rateHz) as [Float32Array];
      const ratio = clickPace(source) / clickPace(out);
      expect(Math.abs(ratio / tempo - 1), `tempo ${tempo}`).toBeLessThan(0.002);
    }
  });

  test("stay at their tempo when the pitch is shifted", () => {
    const source = clicks(97, 30);
    const [out] = pitchShift([source], 3, rateHz) as [Float32Array];
    expect(Math.abs(clickPace(source) / clickPace(out) - 1)).toBeLessThan(0.002);
  });
});

describe("both channels", () => {
  test("are joined at the same places: equal ones stay equal, a difference of level stays", () => {
    const left = clicks(120, 4);
    const right = left.map((value) => value / 2);
    const [a, b] = timeStretch([left, right], 1.1, rateHz) as [Float32Array, Float32Array];
    expect(a.every((value, i) => value / 2 === b[i])).toBe(true);
  });
});

describe("any length", () => {
  test("comes out as long as it should, finite, and never louder than the joins allow", () => {
    const random = seededRandom(11);
    for (let round = 0; round < 12; round++) {
      const length = Math.floor(random() * 40_000);
      const tempo = 0.7 + 0.7 * random();
      const source = new Float32Array(length).map(() => random() - 0.5);
      const [out] = timeStretch([source], tempo, rateHz) as [Float32Array];
      expect(out.length).toBe(Math.round(length / tempo));
      // Two windows of equal level with shares that sum to one.
      expect(out.every((value) => Math.abs(value) <= 0.5)).toBe(true);
      const [shifted] = pitchShift([source], 12 * (random() - 0.5), rateHz) as [Float32Array];
      expect(shifted.length).toBe(length);
      expect(shifted.every(Number.isFinite)).toBe(true);
    }
  });
});

describe("a variant", () => {
  test("never passes the ceiling, and says how much of the gain was held back", () => {
    const random = seededRandom(5);
    const loud = new Float32Array(rateHz * 3).map(() => Math.sign(random() - 0.5));
    const variant = { semitones: 2, tempo: 0.95, gainDb: 6 };
    const { channels, level } = renderVariant([loud, loud], variant, rateHz, -1);
    expect(20 * Math.log10(truePeak(channels))).toBeLessThanOrEqual(-1 + 1e-4);
    expect(level.heldBackDb).toBeGreaterThan(6);
    expect(level.gainDb + level.heldBackDb).toBeCloseTo(6, 9);
  });

  test("of a quiet sound gets all of its gain", () => {
    const { level } = renderVariant([tone(440, 2, 0.1)], { semitones: 0, tempo: 1, gainDb: 3 }, rateHz, -1);
    expect(level).toEqual({ gainDb: 3, heldBackDb: 0 });
  });
});
