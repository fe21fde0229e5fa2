import { Random } from "./random.mjs";

/** Level, partials (amplitude of each harmonic), how fast it dies away (per second), and its attack. */
const voices = {
  bass: { level: 0.3, partials: [1, 0.5, 0.25, 0.12], decay: 1.2, attackS: 0.006 },
  melody: { level: 0.17, partials: [1, 0.35, 0.3, 0.12, 0.1], decay: 0.8, attackS: 0.02 },
  pluck: { level: 0.16, partials: [1, 0.7, 0.5, 0.35, 0.2, 0.12], decay: 3.5, attackS: 0.003 },
  piano: { level: 0.15, partials: [1, 0.5, 0.3, 0.18, 0.1, 0.06], decay: 2, attackS: 0.005 },
  pad: { level: 0.09, partials: [1, 0.4, 0.3, 0.2, 0.1], decay: 0, attackS: 0.15 },
  organ: { level: 0.09, partials: [1, 0.8, 0.5, 0.4, 0, 0.25], decay: 0, attackS: 0.01 },
  guitar: { level: 0.12, partials: [1, 0.8, 0.65, 0.5, 0.4, 0.3, 0.2, 0.15], decay: 1.5, attackS: 0.004 },
};

/** Noise share, tone, its fall, decay per second, level. */
const drums = {
  36: { hz: 50, fallHz: 90, toneDecay: 14, noise: 0.08, noiseDecay: 120, level: 0.75, highPass: 0 },
  37: { hz: 800, fallHz: 300, toneDecay: 60, noise: 0.5, noiseDecay: 90, level: 0.3, highPass: 0.4 },
  38: { hz: 185, fallHz: 40, toneDecay: 22, noise: 0.8, noiseDecay: 18, level: 0.45, highPass: 0.3 },
  39: { hz: 900, fallHz: 0, toneDecay: 60, noise: 1, noiseDecay: 22, level: 0.35, highPass: 0.5 },
  42: { hz: 0, fallHz: 0, toneDecay: 1, noise: 1, noiseDecay: 55, level: 0.16, highPass: 0.95 },
  44: { hz: 0, fallHz: 0, toneDecay: 1, noise: 1, noiseDecay: 70, level: 0.14, highPass: 0.9 },
  46: { hz: 0, fallHz: 0, toneDecay: 1, noise: 1, noiseDecay: 9, level: 0.16, highPass: 0.95 },
  49: { hz: 0, fallHz: 0, toneDecay: 1, noise: 1, noiseDecay: 2.5, level: 0.2, highPass: 0.9 },
  51: { hz: 2900, fallHz: 0, toneDecay: 8, noise: 0.7, noiseDecay: 10, level: 0.13, highPass: 0.9 },
};

/**
 * Plays a song: additive voices, drums of noise and a falling tone, a small room.
 *
 * @param {import("./song.mjs").Song} song
 * @param {number} rate samples a second
 * @returns {[Float32Array, Float32Array]}
 */
export function play(song, rate) {
  const length = Math.ceil(song.durationS * rate);
  const random = new Random(song.seed);
  /** @type {[Float32Array, Float32Array]} */
  const sides = [new Float32Array(length), new Float32Array(length)];
  const loud = {
    drum: random.between(0.5, 1.1),
    bass: random.between(0.7, 1.2),
    chords: random.between(0.7, 1.2),
    melody: random.between(0.6, 1.2),
  };
  const pan = { drum: 0.5, bass: 0.5, chords: random.between(0.3, 0.7), melody: random.between(0.35, 0.65) };
  for (const note of song.notes) {
    const gain = loud[note.part] * note.velocity;
    const at = Math.round(note.atS * rate);
    const sound = note.part === "drum" ? drum(note, rate, random) : tone(note, song, rate, random);
    for (let i = 0; i < sound.length && at + i < length; i++) {
      const value = /** @type {number} */ (sound[i]) * gain;
      sides[0][at + i] += value * (1 - pan[note.part]);
      sides[1][at + i] += value * pan[note.part];
    }
  }
  if (song.reverb > 0)
    sides.forEach((side, i) => {
      room(side, song.reverb, rate, i);
    });
  finish(sides, song.noise, random);
  return sides;
}

/** @param {import("./song.mjs").Note} note @param {import("./song.mjs").Song} song @param {number} rate @param {Random} random */
function tone(note, song, rate, random) {
  const name = note.part === "chords" ? song.sound : note.part;
  const voice = voices[/** @type {keyof typeof voices} */ (name)];
  const releaseS = voice.decay > 0 ? 0.08 : 0.2;
  const out = new Float32Array(Math.ceil((note.lengthS + releaseS) * rate));
  const hz = song.a4Hz * 2 ** ((note.pitch - 69) / 12) * 2 ** (random.between(-0.04, 0.04) / 12);
  const vibrato = note.part === "melody" && note.lengthS > 0.3 ? 0.0035 : 0;
  voice.partials.forEach((amplitude, index) => {
    const partialHz = hz * (index + 1);
    if (partialHz > rate * 0.45 || amplitude === 0) return;
    addPartial(
      out,
      partialHz / rate,
      vibrato,
      rate,
      amplitude * voice.level,
      voice.decay * (1 + 0.35 * index),
    );
  });
  const attack = voice.attackS * rate;
  const release = note.lengthS * rate;
  for (let i = 0; i < out.length; i++) {
    if (i < attack) out[i] *= i / attack;
    if (i > release) out[i] *= Math.max(0, 1 - (i - release) / (releaseS * rate));
  }
  return out;
}

/**
 * A rotating vector is cheaper than a sine each; its length is set right now and then.
 *
 * @param {Float32Array} out
 * @param {number} turns a sample
 * @param {number} vibrato share of the frequency
 * @param {number} rate
 * @param {number} start level
 * @param {number} decay a second
 */
function addPartial(out, turns, vibrato, rate, start, decay) {
  const block = 64;
  const fade = Math.exp(-decay / rate);
  let level = start;
  let phase = 0;
  for (let from = 0; from < out.length; from += block) {
    const bend = 1 + vibrato * Math.sin((2 * Math.PI * 5.5 * from) / rate);
    const step = 2 * Math.PI * turns * bend;
    const cos = Math.cos(step);
    const sin = Math.sin(step);
    let re = Math.cos(phase);
    let im = Math.sin(phase);
    const to = Math.min(out.length, from + block);
    for (let i = from; i < to; i++) {
      const next = re * cos - im * sin;
      im = im * cos + re * sin;
      re = next;
      out[i] += im * level;
      level *= fade;
    }
    phase += step * block;
  }
}

/** @param {import("./song.mjs").Note} note @param {number} rate @param {Random} random */
function drum(note, rate, random) {
  const kind = drums[/** @type {keyof typeof drums} */ (note.pitch)];
  const slowest = Math.min(kind.noiseDecay, kind.hz > 0 ? kind.toneDecay : kind.noiseDecay);
  const out = new Float32Array(Math.ceil(Math.min(2, 6 / slowest) * rate));
  let [phase, before] = [0, 0];
  for (let i = 0; i < out.length; i++) {
    const t = i / rate;
    const white = 2 * random.next() - 1;
    const hiss = white - kind.highPass * before;
    before = white;
    phase += (2 * Math.PI * (kind.hz + kind.fallHz * Math.exp(-t * 35))) / rate;
    const body = kind.hz > 0 ? Math.sin(phase) * Math.exp(-t * kind.toneDecay) : 0;
    out[i] =
      kind.level * ((1 - kind.noise) * body + kind.noise * hiss * 0.5 * Math.exp(-t * kind.noiseDecay));
  }
  return out;
}

/** Three combs and an all-pass. @param {Float32Array} side @param {number} wet @param {number} rate @param {number} index */
function room(side, wet, rate, index) {
  const dry = side.slice();
  const tail = new Float32Array(side.length);
  for (const [delayS, feedback] of [
    [0.0297, 0.76],
    [0.0371, 0.73],
    [0.0411, 0.71],
  ]) {
    const delay = Math.round(/** @type {number} */ (delayS + index * 0.0007) * rate);
    const line = new Float32Array(delay);
    for (let i = 0, at = 0; i < side.length; i++, at = (at + 1) % delay) {
      const echo = /** @type {number} */ (line[at]);
      tail[i] += echo / 3;
      line[at] = /** @type {number} */ (dry[i]) + echo * /** @type {number} */ (feedback);
    }
  }
  for (let i = 0; i < side.length; i++)
    side[i] = /** @type {number} */ (dry[i]) * (1 - wet) + /** @type {number} */ (tail[i]) * wet;
}

/** Adds hiss and brings the highest peak to 0.9. @param {[Float32Array, Float32Array]} sides @param {number} noise @param {Random} random */
function finish(sides, noise, random) {
  let peak = 1e-9;
  for (const side of sides) for (const value of side) peak = Math.max(peak, Math.abs(value));
  for (const side of sides) {
    for (let i = 0; i < side.length; i++) {
      side[i] =
        /** @type {number} */ (side[i] * 0.9) / peak + (noise === 0 ? 0 : noise * (2 * random.next() - 1));
    }
  }
}
