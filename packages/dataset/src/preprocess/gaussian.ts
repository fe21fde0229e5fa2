import { createHash } from "node:crypto";

/**
 * Standard normal numbers that depend on the key alone: Philox 4x32-10 counted up from zero, Box-Muller over pairs.
 * The same key gives the same numbers on every machine.
 */
export function gaussians(key: string, count: number): Float32Array {
  const digest = createHash("sha256").update(key).digest();
  const [k0, k1] = [digest.readUInt32LE(0), digest.readUInt32LE(4)];
  const out = new Float32Array(count);
  for (let block = 0; 4 * block < count; block++) {
    const words = philox(block, k0, k1);
    for (let pair = 0; pair < 2; pair++) {
      // (0, 1]: the logarithm never meets zero.
      const radius = Math.sqrt(-2 * Math.log(((words[2 * pair] as number) + 1) / 2 ** 32));
      const angle = (2 * Math.PI * (words[2 * pair + 1] as number)) / 2 ** 32;
      const at = 4 * block + 2 * pair;
      if (at < count) out[at] = radius * Math.cos(angle);
      if (at + 1 < count) out[at + 1] = radius * Math.sin(angle);
    }
  }
  return out;
}

/** Numbers of [0, 1) that depend on the key alone. */
export function uniforms(key: string, count: number): Float64Array {
  const digest = createHash("sha256").update(key).digest();
  const [k0, k1] = [digest.readUInt32LE(0), digest.readUInt32LE(4)];
  return new Float64Array(count).map((_, i) => philox(i, k0, k1)[0] / 2 ** 32);
}

/** One block of Philox 4x32 with ten rounds (Salmon et al. 2011). */
export function philox(counter: number, key0: number, key1: number): [number, number, number, number] {
  let [c0, c1, c2, c3] = [counter >>> 0, 0, 0, 0];
  let [k0, k1] = [key0, key1];
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = multiply(0xd2511f53, c0);
    const [high1, low1] = multiply(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** High and low word of a product of 32-bit words, in exact double arithmetic on 16-bit halves. */
function multiply(a: number, b: number): [number, number] {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const low = aLow * bLow;
  const middle = aHigh * bLow + Math.floor(low / 0x10000);
  const cross = aLow * bHigh + (middle % 0x10000);
  const high = aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(cross / 0x10000);
  return [high >>> 0, Math.imul(a, b) >>> 0];
}
