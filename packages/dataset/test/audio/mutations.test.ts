import { AceError } from "@acewright/core-native";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DecodePool } from "../../src/audio/decode-pool.js";
import { oggChecksum } from "../../src/audio/ogg-pages.js";
import { audioProblemOf } from "../../src/audio/refusal.js";
import { probeAudio } from "../../src/audio/probe.js";
import { mutationRounds, mutations, type Damage } from "../fuzz/mutations.js";
import { seededRandom, sweep } from "./sounds.js";
import { comm, fmt, form, riff, samples, ssnd } from "./wave-files.js";

const fixture = (name: string): Uint8Array =>
  readFileSync(fileURLToPath(new URL(`../fixtures/audio/${name}`, import.meta.url)));
const short = [sweep(2000, 44100), sweep(2000, 44100, 0.1)];
const originals: [string, Uint8Array][] = [
  ["wav", riff([fmt({ rateHz: 44100 }), { id: "data", body: samples(short, "s16") }])],
  [
    "float.wav",
    riff([fmt({ rateHz: 44100, tag: 3, bits: 32 }), { id: "data", body: samples(short, "f32") }]),
  ],
  ["aiff", form([comm(2000, 16, 2, 44100), ssnd(samples(short, "s16", false))], "AIFF")],
  ["mp3", fixture("sweep-44100.mp3")],
  ["notag.mp3", fixture("sweep-no-tag.mp3")],
  ["ogg", fixture("sweep-44100.ogg")],
  ["opus", fixture("sweep.opus")],
  ["flac", fixture("sweep-24.flac")],
];
const rounds = mutationRounds;
const mutate = mutations(originals.map(([, bytes]) => bytes));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-mutations-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Changes packets of an Ogg file and gives each page the checksum of its new content, so that the decoder sees them. */
function mutateOggPackets(original: Uint8Array, random: () => number): Uint8Array {
  const bytes = Buffer.from(original);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pages: { start: number; body: number; end: number }[] = [];
  for (let at = 0; at < bytes.length; at = pages.at(-1)?.end ?? bytes.length) {
    const segments = bytes[at + 26] ?? 0;
    const body = at + 27 + segments;
    pages.push({
      start: at,
      body,
      end: bytes.subarray(at + 27, body).reduce((sum, size) => sum + size, body),
    });
  }
  for (let edits = 1 + below(6); edits > 0; edits--) {
    const page = pages[below(pages.length)];
    if (page === undefined) continue;
    const at = page.body + below(random() < 0.5 ? Math.min(40, page.end - page.body) : page.end - page.body);
    for (let i = at; i < Math.min(page.end, at + 1 + below(8)); i++) bytes[i] = below(256);
    // Now and then the granule position lies too.
    if (random() < 0.2) bytes[page.start + 6 + below(8)] = below(256);
  }
  for (const { start, end } of pages) {
    bytes.fill(0, start + 22, start + 26);
    bytes.writeUInt32LE(oggChecksum(bytes.subarray(start, end)), start + 22);
  }
  return bytes;
}

const hunts: [string, Uint8Array, Damage][] = [
  ...originals.map(([name, bytes]) => [name, bytes, mutate] as [string, Uint8Array, Damage]),
  ["sealed.ogg", fixture("sweep-44100.ogg"), mutateOggPackets],
  ["sealed.opus", fixture("sweep.opus"), mutateOggPackets],
];

describe("a damaged file", () => {
  it.each(hunts)(
    "(%s) is read or refused, and never crashes, hangs, or fills memory",
    async (name, original, damage) => {
      const workerUrl = new URL("../../dist/audio/decode-worker.js", import.meta.url);
      const pool = new DecodePool({ concurrency: 1, workerUrl, stallS: 20, idleS: 1 });
      const random = seededRandom(name.length * 7919 + 17);
      const path = join(folder, `song.${name}`);
      let [read, refused] = [0, 0];
      for (let round = 0; round < rounds; round++) {
        writeFileSync(path, damage(original, random));
        try {
          await probeAudio(path);
          const audio = await pool.run({ path, sampleRateHz: 48000, maxDurationS: undefined });
          for (const channel of audio.channels)
            expect(channel.every((sample) => Number.isFinite(sample))).toBe(true);
          expect(audio.channels[0].length).toBeGreaterThan(0);
          read++;
        } catch (error) {
          if (
            !(error instanceof AceError) ||
            audioProblemOf(error) === undefined ||
            audioProblemOf(error) === "stalled"
          ) {
            const kept = join(tmpdir(), `acewright-mutation-${round}.${name}`);
            writeFileSync(kept, readFileSync(path));
            throw new Error(`round ${round}, kept as ${kept}: ${String(error)}`, { cause: error });
          }
          refused++;
        }
      }
      expect(read + refused).toBe(rounds);
      expect(refused).toBeGreaterThan(0);
      expect(process.memoryUsage().rss).toBeLessThan(2 * 2 ** 30);
    },
    rounds * 2000,
  );
});
