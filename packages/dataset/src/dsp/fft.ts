import { AceError } from "@acewright/core-native";

/**
 * Fast Fourier transforms of one length, with tables and scratch made once. Real input of `size` samples is packed
 * into a complex transform of half the length, which is done in place by decimation in time.
 */
export class RealFft {
  /** Samples of a frame; a power of two. */
  readonly size: number;
  /** Bins of a spectrum: `size / 2 + 1`, from 0 Hz to half the sample rate. */
  readonly bins: number;
  readonly #half: ComplexFft;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #re: Float64Array;
  readonly #im: Float64Array;
  #scratch: Float64Array | undefined;

  /** @throws {AceError} ERR_CONFIG when the size is no power of two of at least 4. */
  constructor(size: number) {
    if (!Number.isInteger(Math.log2(size)) || size < 4) {
      throw new AceError("ERR_CONFIG", `FFT size: expected a power of two of at least 4, got ${size}`);
    }
    this.size = size;
    this.bins = size / 2 + 1;
    this.#half = new ComplexFft(size / 2);
    this.#cos = new Float64Array(this.bins);
    this.#sin = new Float64Array(this.bins);
    for (let bin = 0; bin < this.bins; bin++) {
      this.#cos[bin] = Math.cos((2 * Math.PI * bin) / size);
      this.#sin[bin] = Math.sin((2 * Math.PI * bin) / size);
    }
    this.#re = new Float64Array(size / 2);
    this.#im = new Float64Array(size / 2);
  }

  /**
   * The spectrum of `size` real samples starting at `offset`, each multiplied by `window`; samples beyond either end
   * of the input count as zero. Not scaled.
   *
   * @param re receives the real parts, {@link bins} of them; `im` the imaginary parts
   */
  forward(
    samples: Float32Array | Float64Array,
    offset: number,
    window: Float64Array | undefined,
    re: Float64Array,
    im: Float64Array,
  ): void {
    const half = this.size / 2;
    const packedRe = this.#re;
    const packedIm = this.#im;
    const isInside = offset >= 0 && offset + this.size <= samples.length;
    for (let i = 0; i < half; i++) {
      const at = offset + 2 * i;
      let even = isInside ? (samples[at] as number) : (samples[at] ?? 0);
      let odd = isInside ? (samples[at + 1] as number) : (samples[at + 1] ?? 0);
      if (window !== undefined) {
        even *= window[2 * i] as number;
        odd *= window[2 * i + 1] as number;
      }
      packedRe[i] = even;
      packedIm[i] = odd;
    }
    this.#half.forward(packedRe, packedIm);
    for (let bin = 0; bin <= half; bin++) {
      const a = bin === half ? 0 : bin;
      const b = bin === 0 ? 0 : half - bin;
      const ar = packedRe[a] ?? 0;
      const ai = packedIm[a] ?? 0;
      const br = packedRe[b] ?? 0;
      const bi = packedIm[b] ?? 0;
      const evenRe = (ar + br) / 2;
      const evenIm = (ai - bi) / 2;
      const oddRe = (ai + bi) / 2;
      const oddIm = (br - ar) / 2;
      const c = this.#cos[bin] as number;
      const s = this.#sin[bin] as number;
      re[bin] = evenRe + c * oddRe + s * oddIm;
      im[bin] = evenIm + c * oddIm - s * oddRe;
    }
  }

  /** |spectrum|^2 of a windowed frame into `power`, {@link bins} values. */
  power(
    samples: Float32Array | Float64Array,
    offset: number,
    window: Float64Array | undefined,
    power: Float64Array,
  ): void {
    this.#scratch ??= new Float64Array(this.bins);
    const im = this.#scratch;
    this.forward(samples, offset, window, power, im);
    for (let bin = 0; bin < this.bins; bin++) {
      const r = power[bin] as number;
      const i = im[bin] as number;
      power[bin] = r * r + i * i;
    }
  }
}

/** In-place complex transform of a power-of-two length, decimation in time. */
export class ComplexFft {
  readonly size: number;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #reversed: Uint32Array;

  constructor(size: number) {
    this.size = size;
    this.#cos = new Float64Array(Math.max(1, size / 2));
    this.#sin = new Float64Array(Math.max(1, size / 2));
    for (let i = 0; i < size / 2; i++) {
      this.#cos[i] = Math.cos((2 * Math.PI * i) / size);
      this.#sin[i] = -Math.sin((2 * Math.PI * i) / size);
    }
    this.#reversed = new Uint32Array(size);
    for (let i = 1; i < size; i++) {
      this.#reversed[i] = ((this.#reversed[i >> 1] as number) >> 1) | (i & 1 ? size / 2 : 0);
    }
  }

  /** X[k] = sum x[n] exp(-2 pi i k n / size). */
  forward(re: Float64Array, im: Float64Array): void {
    this.#permute(re, im);
    this.#pairs(re, im);
    for (let span = 4; span <= this.size; span *= 2) this.#butterflies(re, im, span);
  }

  /** The inverse, scaled by 1 / size. */
  inverse(re: Float64Array, im: Float64Array): void {
    // Swapping the parts before and after turns the sign of the exponent.
    this.forward(im, re);
    for (let i = 0; i < this.size; i++) {
      re[i] = (re[i] as number) / this.size;
      im[i] = (im[i] as number) / this.size;
    }
  }

  #permute(re: Float64Array, im: Float64Array): void {
    const reversed = this.#reversed;
    for (let i = 0; i < this.size; i++) {
      const j = reversed[i] as number;
      if (j <= i) continue;
      const r = re[i] as number;
      const m = im[i] as number;
      re[i] = re[j] as number;
      im[i] = im[j] as number;
      re[j] = r;
      im[j] = m;
    }
  }

  #pairs(re: Float64Array, im: Float64Array): void {
    for (let i = 0; i + 1 < this.size; i += 2) {
      const ar = re[i] as number;
      const ai = im[i] as number;
      const br = re[i + 1] as number;
      const bi = im[i + 1] as number;
      re[i] = ar + br;
      im[i] = ai + bi;
      re[i + 1] = ar - br;
      im[i + 1] = ai - bi;
    }
  }

  #butterflies(re: Float64Array, im: Float64Array, span: number): void {
    const half = span / 2;
    const stride = this.size / span;
    const cos = this.#cos;
    const sin = this.#sin;
    for (let start = 0; start < this.size; start += span) {
      for (let k = 0, t = 0; k < half; k++, t += stride) {
        const a = start + k;
        const b = a + half;
        const c = cos[t] as number;
        const s = sin[t] as number;
        const br = re[b] as number;
        const bi = im[b] as number;
        const xr = br * c - bi * s;
        const xi = br * s + bi * c;
        const ar = re[a] as number;
        const ai = im[a] as number;
        re[b] = ar - xr;
        im[b] = ai - xi;
        re[a] = ar + xr;
        im[a] = ai + xi;
      }
    }
  }
}

/** A periodic Hann window, as spectra of overlapping frames want it. */
export function hannWindow(size: number): Float64Array {
  return Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
}
