/** A song whose tempo, key and metre are known, played with sines and noise. */
export interface SmallSong {
  bpm: number;
  /** Semitones above C. */
  tonic: number;
  mode: "major" | "minor";
  /** Beats of a bar; in 6 the beat is the dotted quarter, and every bar has two. */
  metre: 3 | 4 | 6;
  a4Hz?: number;
  seconds?: number;
}

const chordsOf = {
  major: [[0, 4, 7], [5, 9, 0], [7, 11, 2], [0, 4, 7]],
  minor: [[0, 3, 7], [5, 8, 0], [7, 10, 2], [0, 3, 7]],
}; // prettier-ignore

/** Two channels at 24 kHz: bass drum on one, snare (in three: twice, softly) after it, hats between, a chord a bar. */
export function playSmallSong(song: SmallSong): {
  channels: [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>];
  sampleRateHz: number;
} {
  const { bpm, tonic, mode, metre, a4Hz = 440, seconds = 24 } = song;
  const rate = 24_000;
  const out = new Float32Array(rate * seconds);
  const beatS = 60 / bpm;
  const beats = metre === 6 ? 2 : metre;
  const parts = metre === 6 ? 3 : 2;
  for (let bar = 0; (bar + 1) * beats * beatS <= seconds; bar++) {
    const at = bar * beats * beatS;
    const chord = (chordsOf[mode][bar % 4] ?? []).map((step) => 60 + ((tonic + step) % 12));
    for (const pitch of [...chord, (chord[0] ?? 60) - 24]) {
      tone(out, rate, at, beats * beatS * 0.95, a4Hz * 2 ** ((pitch - 69) / 12));
    }
    for (let beat = 0; beat < beats; beat++) {
      const isFirst = beat === 0 || (metre === 4 && beat === 2);
      if (isFirst) drop(out, rate, at + beat * beatS);
      else hiss(out, rate, at + beat * beatS, 25, metre === 3 ? 0.25 : 0.5);
      for (let part = 0; part < parts; part++) hiss(out, rate, at + (beat + part / parts) * beatS, 80, 0.15);
    }
  }
  return { channels: [out, out.slice()], sampleRateHz: rate };
}

function tone(out: Float32Array, rate: number, atS: number, lengthS: number, hz: number): void {
  const from = Math.round(atS * rate);
  const length = Math.round(lengthS * rate);
  for (let i = 0; i < length && from + i < out.length; i++) {
    const level = 0.07 * Math.min(1, i / 200) * Math.exp((-1.5 * i) / rate) * Math.min(1, (length - i) / 200);
    const angle = (2 * Math.PI * hz * i) / rate;
    out[from + i] =
      (out[from + i] ?? 0) +
      level * (Math.sin(angle) + 0.5 * Math.sin(2 * angle) + 0.3 * Math.sin(3 * angle));
  }
}

/** A bass drum. */
function drop(out: Float32Array, rate: number, atS: number): void {
  const from = Math.round(atS * rate);
  for (let i = 0; i < rate / 5 && from + i < out.length; i++) {
    const t = i / rate;
    out[from + i] =
      (out[from + i] ?? 0) +
      0.5 * Math.exp(-t * 20) * Math.sin(2 * Math.PI * (50 * t + 2.5 * (1 - Math.exp(-t * 40))));
  }
}

let state = 1;
function noise(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 31 - 1;
}

/** A snare or a hat, by how fast it dies away. */
function hiss(out: Float32Array, rate: number, atS: number, decay: number, level: number): void {
  const from = Math.round(atS * rate);
  for (let i = 0; i < rate / 8 && from + i < out.length; i++) {
    out[from + i] = (out[from + i] ?? 0) + level * noise() * Math.exp((-decay * i) / rate);
  }
}
