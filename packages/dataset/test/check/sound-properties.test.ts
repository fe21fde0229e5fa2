import { checkDataset, Dataset, writeWav, type Finding } from "@acewright/dataset";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resample } from "../../src/audio/resample.js";
import { seededRandom } from "../audio/sounds.js";
import { defects } from "./defects.js";
import { makeSong, mapped, scaled, songRateHz, type Stereo } from "./songs.js";

const rounds = process.env["ACEWRIGHT_TEST_FULL"] === "1" ? 12 : 1;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-sound-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function soundCodes(songs: readonly { song: Stereo; rateHz?: number }[]): Promise<string[][]> {
  const samples = songs.map(({ song, rateHz = songRateHz }, index) => {
    const audio_path = `${index}.wav`;
    writeWav(join(folder, audio_path), song, rateHz, index % 2 === 0 ? "pcm16" : "float32");
    return { id: `${index}`, audio_path, filename: audio_path, caption: "notes" };
  });
  const findings = await checkDataset(Dataset.parse({ metadata: {}, samples }), { folder });
  const ofSound = findings.filter(({ field }) => field === "audio");
  const told = ({ code, other }: Finding): string => (other === undefined ? code : `${code} of ${other}`);
  return songs.map((_, index) => ofSound.filter(({ sample }) => sample === index).map(told));
}

describe("checking the sound", () => {
  it("has nothing to say of clean songs at any level", async () => {
    const songs = Array.from({ length: 4 * rounds }, (_, seed) => ({ song: makeSong(seed + 1, 6) }));
    expect(await soundCodes(songs)).toEqual(songs.map(() => []));
  });

  it.each(defects)(
    "finds $name ($code) of any strength above its mark",
    async ({ code, rateHz, ...defect }) => {
      const songs = Array.from({ length: rounds }, (_, round) => {
        const song = defect.spoil(makeSong(100 + round, 6), seededRandom(round + code.length));
        return rateHz === undefined ? { song } : { song, rateHz };
      });
      for (const codes of await soundCodes(songs)) expect(codes).toContain(code);
    },
  );

  it("knows a song again after noise, another rate, another level and a cut beginning, and no other", async () => {
    const songs = Array.from({ length: 2 * rounds + 1 }, (_, seed) => makeSong(200 + seed, 10));
    const random = seededRandom(5);
    const copies = songs.map((song) => {
      const noisy = mapped(scaled(song, 0.3 + random()), (sample) => sample + 2e-4 * (random() - 0.5));
      const from = Math.floor(random() * 3 * songRateHz);
      const side = (samples: Float32Array): Float32Array =>
        resample(samples.subarray(from), songRateHz, 48_000);
      return { song: [side(noisy[0]), side(noisy[1])] as Stereo, rateHz: 48_000 };
    });
    const codes = await soundCodes([...songs.map((song) => ({ song })), ...copies]);
    expect(codes.slice(0, songs.length).flat()).toEqual([]);
    expect(codes.slice(songs.length)).toEqual(songs.map((_, index) => [`near-duplicate of ${index}`]));
  });
});
