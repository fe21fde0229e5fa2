/** General MIDI programs for each part, by the sound of the chords. @type {Record<string, number[]>} */
const programs = {
  pluck: [24, 25, 46],
  piano: [0, 4, 1],
  pad: [48, 89, 50],
  organ: [16, 17, 19],
  guitar: [25, 27, 29],
  bass: [32, 33, 38],
  melody: [73, 56, 65, 40, 80, 71],
};
const ticksPerSecond = 960;

/**
 * A song as a standard MIDI file; time runs in plain seconds (a quarter is half a second), the tempo is in the notes.
 *
 * @param {import("./song.mjs").Song} song
 */
export function midiFile(song) {
  const choose = (/** @type {string} */ name, /** @type {number} */ salt) => {
    const list = programs[name] ?? [0];
    return list[(song.seed + salt) % list.length] ?? 0;
  };
  const channels = { bass: 0, chords: 1, melody: 2, drum: 9 };
  /** @type {{ tick: number, bytes: number[] }[]} */
  const events = [
    { tick: 0, bytes: [0xff, 0x51, 3, 0x07, 0xa1, 0x20] },
    { tick: 0, bytes: [0xc0, choose("bass", 1)] },
    { tick: 0, bytes: [0xc1, choose(song.sound, 2)] },
    { tick: 0, bytes: [0xc2, choose("melody", 3)] },
  ];
  const bend = Math.round(8192 + (8192 / 2) * 12 * Math.log2(song.a4Hz / 440));
  for (const channel of [0, 1, 2]) events.push({ tick: 0, bytes: [0xe0 | channel, bend & 127, bend >> 7] });
  for (const { part, atS, lengthS, pitch, velocity } of song.notes) {
    const channel = channels[part];
    const on = Math.round(atS * ticksPerSecond);
    const off = Math.max(on + 10, Math.round((atS + lengthS) * ticksPerSecond));
    events.push({ tick: on, bytes: [0x90 | channel, pitch, Math.max(1, Math.round(velocity * 110))] });
    events.push({ tick: off, bytes: [0x80 | channel, pitch, 0] });
  }
  // A note that ends where the same one begins must end first.
  const isEnd = (/** @type {number[]} */ bytes) => (((bytes[0] ?? 0) & 0xf0) === 0x80 ? 0 : 1);
  events.sort((a, b) => a.tick - b.tick || isEnd(a.bytes) - isEnd(b.bytes));
  const track = [];
  let last = 0;
  for (const { tick, bytes } of events) {
    track.push(...variableLength(tick - last), ...bytes);
    last = tick;
  }
  track.push(0, 0xff, 0x2f, 0);
  const header = [
    ...Buffer.from("MThd"),
    0,
    0,
    0,
    6,
    0,
    0,
    0,
    1,
    (ticksPerSecond / 2) >> 8,
    (ticksPerSecond / 2) & 255,
  ];
  const size = Buffer.alloc(4);
  size.writeUInt32BE(track.length);
  return Buffer.from([...header, ...Buffer.from("MTrk"), ...size, ...track]);
}

/** @param {number} value */
function variableLength(value) {
  const bytes = [value & 127];
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift((rest & 127) | 128);
  return bytes;
}
