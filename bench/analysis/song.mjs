import { genres } from "./genres.mjs";
import { Random } from "./random.mjs";

/**
 * @typedef {object} Note
 * @property {"drum" | "bass" | "chords" | "melody"} part
 * @property {number} atS
 * @property {number} lengthS
 * @property {number} pitch MIDI number; of drums the General MIDI one
 * @property {number} velocity 0 to 1
 *
 * @typedef {object} Truth
 * @property {string} name
 * @property {string} genre
 * @property {number} bpm
 * @property {string} key as `A minor`
 * @property {"3" | "4" | "6"} timesignature
 * @property {number[]} sections where they begin, in seconds
 *
 * @typedef {object} Song
 * @property {Truth} truth
 * @property {Note[]} notes
 * @property {number} durationS
 * @property {string} sound of the chords
 * @property {number} a4Hz
 * @property {number} noise level of a steady hiss
 * @property {number} reverb share of the wet sound
 * @property {number} seed
 */

export const keyNames = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const drumNumbers = {
  kick: 36,
  rim: 37,
  snare: 38,
  clap: 39,
  hat: 42,
  pedal: 44,
  open: 46,
  ride: 51,
  crash: 49,
};

/** Chords by degree (semitones above the tonic) and quality. @type {Record<string, [number, string]>} */
const degrees = {
  I: [0, "major"], ii: [2, "minor"], iii: [4, "minor"], IV: [5, "major"], V: [7, "major"], vi: [9, "minor"],
  i: [0, "minor"], III: [3, "major"], iv: [5, "minor"], v: [7, "minor"], VI: [8, "major"], VII: [10, "major"],
}; // prettier-ignore

const progressions = {
  major: [
    "I V vi IV",
    "I IV V I",
    "I vi IV V",
    "I IV I V",
    "I iii IV V",
    "ii V I I",
    "I ii IV V",
    "IV V I vi",
    "vi IV I V",
  ],
  minor: [
    "i VI III VII",
    "i iv v i",
    "i iv V i",
    "i VII VI V",
    "i VI iv V",
    "i VII VI VII",
    "i i iv V",
    "i v VI iv",
  ],
};
const scales = { major: [0, 2, 4, 5, 7, 9, 11], minor: [0, 2, 3, 5, 7, 8, 10] };

/**
 * So many songs with every key in turn, and genres by their weight, three times and six times well represented.
 *
 * @param {number} count
 * @param {number} seed
 */
export function makeSongs(count, seed) {
  const random = new Random(seed);
  /** @type {string[]} */
  let keys = [];
  return Array.from({ length: count }, (_, index) => {
    if (keys.length === 0) {
      keys = random.shuffled(keyNames.flatMap((name) => [`${name} major`, `${name} minor`]));
    }
    const meter = /** @type {const} */ (["4/4", "3/4", "4/4", "6/8"])[index % 4];
    const choices = genres.filter((genre) => genre.meter === meter);
    const weighted = choices.flatMap((genre) => Array.from({ length: 2 * (genre.weight ?? 1) }, () => genre));
    const genre = random.pick(weighted);
    return makeSong(genre, /** @type {string} */ (keys.pop()), Math.floor(random.next() * 2 ** 32), index);
  });
}

/**
 * @param {import("./genres.mjs").Genre} genre
 * @param {string} key
 * @param {number} seed
 * @param {number} index
 * @returns {Song}
 */
function makeSong(genre, key, seed, index) {
  const random = new Random(seed);
  // A third of the songs are in a tempo that is not usual for their style.
  const [low, high] = random.chance(0.67)
    ? genre.tempo
    : [Math.max(60, genre.tempo[0] * 0.8), Math.min(200, genre.tempo[1] * 1.2)];
  const wanted = random.between(low, high);
  const bpm = random.chance(0.4) ? Math.round(wanted * 10) / 10 : Math.round(wanted);
  const beatS = 60 / bpm;
  const beatsPerBar = genre.meter === "4/4" ? 4 : genre.meter === "3/4" ? 3 : 2;
  const composer = new Composer(genre, key, random, beatS, beatsPerBar);
  const bars = Math.max(8, Math.round(random.between(38, 60) / (beatS * beatsPerBar * 4)) * 4);
  composer.write(bars, random.between(0, 0.6));
  return {
    truth: {
      name: `${String(index + 1).padStart(3, "0")} ${genre.name}`,
      genre: genre.name,
      bpm,
      key,
      timesignature: genre.meter === "4/4" ? "4" : genre.meter === "3/4" ? "3" : "6",
      sections: composer.sections,
    },
    notes: composer.notes,
    durationS: composer.endS + 2.5,
    sound: genre.sound,
    a4Hz: random.chance(0.5) ? 440 : random.between(431, 449),
    noise: random.chance(0.4) ? 10 ** random.between(-4, -2.2) : 0,
    reverb: random.chance(0.6) ? random.between(0.05, 0.35) : 0,
    seed: Math.floor(random.next() * 2 ** 32),
  };
}

/** Writes bars of one song as notes. */
class Composer {
  /** @type {Note[]} */
  notes = [];
  /** @type {number[]} */
  sections = [];
  endS = 0;

  /**
   * @param {import("./genres.mjs").Genre} genre
   * @param {string} key
   * @param {Random} random
   * @param {number} beatS
   * @param {number} beatsPerBar
   */
  constructor(genre, key, random, beatS, beatsPerBar) {
    const [tonic = "C", mode = "major"] = key.split(" ");
    this.genre = genre;
    this.random = random;
    this.beatS = beatS;
    this.beatsPerBar = beatsPerBar;
    this.tonic = keyNames.indexOf(tonic);
    this.mode = /** @type {"major" | "minor"} */ (mode);
    this.swing = random.pick(genre.swing ?? [0.5]);
    this.human = random.chance(0.6) ? random.between(0.002, 0.012) : 0;
    this.hasMelody = random.chance(0.8);
    this.melodyNote = 72 + this.tonic - (this.tonic > 6 ? 12 : 0);
    this.transpose = random.pick([-12, 0, 0]);
  }

  /** @param {number} bars @param {number} startS */
  write(bars, startS) {
    const { random, genre } = this;
    const barS = this.beatS * this.beatsPerBar;
    const parts = [0, 1].map((part) => ({
      chords: random.pick(progressions[this.mode].slice(0, part === 0 ? 5 : undefined)).split(" "),
      drums: genre.drums.length === 0 ? undefined : random.pick(genre.drums),
      bass: random.pick(genre.bass),
      comping: random.pick(genre.chords),
      melody: this.rhythm(),
    }));
    const sectionBars = bars >= 16 ? 8 : 4;
    const hasIntro = random.chance(0.3);
    for (let bar = 0; bar < bars; bar++) {
      const section = Math.floor(bar / sectionBars);
      const part = /** @type {(typeof parts)[number]} */ (parts[section % 2]);
      const at = startS + bar * barS;
      if (bar % sectionBars === 0) this.sections.push(at);
      const isLast = bar === bars - 1;
      const degree =
        isLast && random.chance(0.85) ? (this.mode === "major" ? "I" : "i") : part.chords[bar % 4];
      const chord = degrees[degree ?? "I"] ?? [0, "major"];
      const isFill = bar % sectionBars === sectionBars - 1;
      const isIntro = hasIntro && section === 0;
      if (part.drums !== undefined && !isIntro)
        this.drums(part.drums, at, barS, isFill, bar % sectionBars === 0);
      if (isLast) this.lastChord(chord, at, barS);
      else {
        this.bass(part.bass, chord, at, barS);
        this.chords(part.comping, chord, at, barS);
        if (this.hasMelody && !isIntro) this.melody(part.melody, chord, at, barS);
      }
    }
    this.endS = startS + bars * barS;
  }

  /** Where a step lies in its bar: off-beats are late when the music swings. @param {number} share @param {number} barS */
  offset(share, barS) {
    const beats = share * this.beatsPerBar;
    const whole = Math.floor(beats + 1e-9);
    const rest = beats - whole;
    const swung =
      this.swing === 0.5
        ? rest
        : rest < 0.5
          ? rest * 2 * this.swing
          : this.swing + (rest - 0.5) * 2 * (1 - this.swing);
    return ((whole + swung) / this.beatsPerBar) * barS;
  }

  /** @param {Note["part"]} part @param {number} atS @param {number} lengthS @param {number} pitch @param {number} velocity */
  add(part, atS, lengthS, pitch, velocity) {
    const late = this.human * (this.random.next() + this.random.next() - 1) * 2;
    const loud = velocity * (1 - 0.15 * this.random.next());
    this.notes.push({ part, atS: Math.max(0, atS + late), lengthS, pitch, velocity: loud });
  }

  /** @param {Record<string, string>} rows @param {number} at @param {number} barS @param {boolean} isFill @param {boolean} isNew */
  drums(rows, at, barS, isFill, isNew) {
    for (const [name, row] of Object.entries(rows)) {
      const steps = [...row.replaceAll(" ", "")];
      steps.forEach((step, i) => {
        if (step === "." || (isFill && name !== "kick" && i >= steps.length * 0.75)) return;
        const number = drumNumbers[/** @type {keyof typeof drumNumbers} */ (name)];
        this.add("drum", at + this.offset(i / steps.length, barS), 0.1, number, step === "x" ? 0.9 : 0.5);
      });
    }
    if (isNew && this.random.chance(0.5)) this.add("drum", at, 1, drumNumbers.crash, 0.7);
    if (!isFill) return;
    const fill =
      this.genre.meter === "6/8"
        ? [0.75, 5 / 6, 11 / 12]
        : [1 - 1 / this.beatsPerBar, 1 - 1 / (2 * this.beatsPerBar)];
    for (const share of fill) this.add("drum", at + this.offset(share, barS), 0.1, drumNumbers.snare, 0.8);
  }

  /** @param {string} row @param {[number, string]} chord @param {number} at @param {number} barS */
  bass(row, [degree, quality], at, barS) {
    const root = 36 + ((this.tonic + degree) % 12);
    const third = quality === "major" ? 4 : 3;
    let walk = 0;
    for (const { share, lengthShare, sign } of strokes(row)) {
      const step = { R: 0, F: 7, O: 12, W: [0, third, 7, 9][walk++ % 4] ?? 0 }[sign] ?? 0;
      this.add("bass", at + this.offset(share, barS), lengthShare * barS * 0.95, root + step, 0.85);
    }
  }

  /** @param {string} row @param {[number, string]} chord @param {number} at @param {number} barS */
  chords(row, chord, at, barS) {
    const pitches = this.voicing(chord);
    let next = 0;
    for (const { share, lengthShare, sign } of strokes(row)) {
      const start = at + this.offset(share, barS);
      if (sign === "a") {
        const order = [0, 2, 1, 2, 3, 2];
        const pitch = [...pitches, (pitches[0] ?? 60) + 12][order[next++ % 6] ?? 0] ?? 60;
        this.add("chords", start, barS / 3, pitch, next === 1 ? 0.75 : 0.55);
      } else for (const pitch of pitches) this.add("chords", start, lengthShare * barS * 0.9, pitch, 0.6);
    }
  }

  /** The triad near middle C. @param {[number, string]} chord */
  voicing([degree, quality]) {
    const root = (this.tonic + degree) % 12;
    return [0, quality === "major" ? 4 : 3, 7]
      .map((interval) => 60 + this.transpose + ((root + interval + 5) % 12) - 5)
      .sort((a, b) => a - b);
  }

  /** Which steps of a bar the melody sings. */
  rhythm() {
    const steps = this.genre.meter === "6/8" ? 6 : this.beatsPerBar * 2;
    return Array.from({ length: 2 }, () =>
      Array.from(
        { length: steps },
        (_, i) => i === 0 || this.random.chance(i % 2 === 0 || steps === 6 ? 0.55 : 0.3),
      ),
    );
  }

  /** @param {boolean[][]} rhythm @param {[number, string]} chord @param {number} at @param {number} barS */
  melody(rhythm, [degree, quality], at, barS) {
    const steps = this.random.pick(rhythm);
    const tones = [0, quality === "major" ? 4 : 3, 7].map(
      (interval) => (this.tonic + degree + interval) % 12,
    );
    const scale = scales[this.mode].map((interval) => (this.tonic + interval) % 12);
    steps.forEach((sings, i) => {
      if (!sings) return;
      const allowed = i === 0 || this.random.chance(0.5) ? tones : scale;
      const near = [-5, -4, -3, -2, -1, 1, 2, 3, 4, 5].map((move) => this.melodyNote + move);
      const fitting = near.filter(
        (pitch) => allowed.includes(((pitch % 12) + 12) % 12) && pitch > 64 && pitch < 86,
      );
      this.melodyNote = fitting.length === 0 ? 72 + this.tonic : this.random.pick(fitting);
      const length = steps.slice(i + 1).indexOf(true);
      const held = (length === -1 ? steps.length - i : length + 1) / steps.length;
      this.add(
        "melody",
        at + this.offset(i / steps.length, barS),
        held * barS * 0.9,
        this.melodyNote,
        i === 0 ? 0.8 : 0.65,
      );
    });
  }

  /** @param {[number, string]} chord @param {number} at @param {number} barS */
  lastChord(chord, at, barS) {
    const [degree] = chord;
    this.add("bass", at, barS, 36 + ((this.tonic + degree) % 12), 0.85);
    for (const pitch of this.voicing(chord)) this.add("chords", at, barS, pitch, 0.7);
  }
}

/** What stands in a row: where each stroke begins, and how long it is held. @param {string} row */
function strokes(row) {
  const steps = [...row.replaceAll(" ", "")];
  return steps.flatMap((sign, i) => {
    if (sign === "." || sign === "-") return [];
    let length = 1;
    while (steps[i + length] === "-") length++;
    return [{ share: i / steps.length, lengthShare: length / steps.length, sign }];
  });
}
