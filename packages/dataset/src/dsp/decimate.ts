/** Taps of a half-band low-pass beside its centre, odd distances only: the even ones are zero. */
const reach = 12;
const sideTaps = designHalfBand();

function designHalfBand(): Float64Array {
  const taps = new Float64Array(reach);
  let sum = 0;
  for (let k = 0; k < reach; k++) {
    const distance = 2 * k + 1;
    const sinc = Math.sin((Math.PI * distance) / 2) / (Math.PI * distance);
    const edge = distance / (2 * reach);
    // Blackman: 74 dB down is far below what an analysis of music sees.
    taps[k] = sinc * (0.42 + 0.5 * Math.cos(Math.PI * edge) + 0.08 * Math.cos(2 * Math.PI * edge));
    sum += 2 * (taps[k] as number);
  }
  return taps.map((tap) => (tap * 0.5) / sum);
}

/** Every second sample behind a low-pass at a quarter of the rate (a 47-tap half-band); zeros beyond the ends. */
export function halveRate(samples: Float32Array): Float32Array {
  const output = new Float32Array(Math.ceil(samples.length / 2));
  const margin = 2 * reach;
  for (let index = 0; index < output.length; index++) {
    const centre = 2 * index;
    let sum = 0.5 * (samples[centre] as number);
    if (centre >= margin && centre + margin < samples.length) {
      for (let k = 0, d = 1; k < reach; k++, d += 2) {
        sum += (sideTaps[k] as number) * ((samples[centre - d] as number) + (samples[centre + d] as number));
      }
    } else {
      for (let k = 0, d = 1; k < reach; k++, d += 2) {
        sum += (sideTaps[k] as number) * ((samples[centre - d] ?? 0) + (samples[centre + d] ?? 0));
      }
    }
    output[index] = sum;
  }
  return output;
}

/** The mean of two channels. */
export function mixDown(left: Float32Array, right: Float32Array): Float32Array {
  const mono = new Float32Array(left.length);
  for (let i = 0; i < mono.length; i++) mono[i] = ((left[i] as number) + (right[i] as number)) / 2;
  return mono;
}
