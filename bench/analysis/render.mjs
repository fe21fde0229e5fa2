import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { midiFile } from "./midi.mjs";
import { play } from "./synth.mjs";

const rateHz = 48_000;

/**
 * How songs become sound: by the small synthesiser here, or by fluidsynth with a General MIDI sound font.
 *
 * @param {string} [soundFont]
 * @returns {(song: import("./song.mjs").Song) => [Float32Array, Float32Array]} at 48 kHz
 */
export function renderer(soundFont) {
  return soundFont === undefined ? (song) => play(song, rateHz) : (song) => playMidi(song, soundFont);
}

/** @param {import("./song.mjs").Song} song @param {string} soundFont @returns {[Float32Array, Float32Array]} */
function playMidi(song, soundFont) {
  const folder = mkdtempSync(join(tmpdir(), "acewright-midi-"));
  try {
    const [midi, raw] = [join(folder, "song.mid"), join(folder, "song.f32")];
    writeFileSync(midi, midiFile(song));
    const form = ["-ni", "-q", "-r", String(rateHz), "-g", "0.6", "-T", "raw", "-O", "float", "-F", raw];
    execFileSync("fluidsynth", [...form, soundFont, midi], { stdio: "pipe" });
    const bytes = readFileSync(raw);
    const samples = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const side = (/** @type {number} */ offset) =>
      Float32Array.from({ length: samples.length / 2 }, (_, i) => samples[2 * i + offset] ?? 0);
    return [side(0), side(1)];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
