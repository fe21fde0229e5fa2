import { AceError } from "@acewright/core-native";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeFile } from "../../src/audio/decode-file.js";
import { writeWav, type WavFormat } from "../../src/audio/write-wav.js";
import { seededRandom } from "./sounds.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-wav-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const random = seededRandom(5);
const noise = (): Float32Array => Float32Array.from({ length: 999 }, () => 2 * random() - 1);
const channels = [noise(), noise()];
const read = (path: string) =>
  decodeFile({ path, sampleRateHz: 44100, maxDurationS: undefined }, () => undefined);

describe("writeWav", () => {
  it.each<[WavFormat, number, string]>([
    ["float32", 0, "pcm_f32le"],
    ["pcm24", 0.5 / 8388608 + 2 ** -25, "pcm_s24le"],
    ["pcm16", 0.5 / 32768, "pcm_s16le"],
  ])("(%s) is read back to half a step", async (format, bound, codec) => {
    const path = join(folder, `${format}.wav`);
    writeWav(path, channels, 44100, format);
    const audio = await read(path);
    expect(audio.source).toEqual({ sampleRateHz: 44100, channels: 2, codec, durationS: 999 / 44100 });
    audio.channels.forEach((channel, side) => {
      channel.forEach((sample, index) => {
        expect(Math.abs(sample - (channels[side]?.[index] ?? Number.NaN))).toBeLessThanOrEqual(bound);
      });
    });
  });

  it("writes an odd number of bytes with its pad, and the sizes the header promises", () => {
    const path = join(folder, "odd.wav");
    writeWav(path, [Float32Array.of(0.5)], 8000, "pcm24");
    const bytes = readFileSync(path);
    expect(bytes.length).toBe(48);
    expect(bytes.readUInt32LE(4)).toBe(40);
    expect(bytes.readUInt32LE(40)).toBe(3);
  });

  it("clips PCM at full scale instead of wrapping", async () => {
    const path = join(folder, "loud.wav");
    for (const format of ["pcm16", "pcm24"] as const) {
      writeWav(path, [Float32Array.of(3, -3, 1, -1)], 44100, format);
      const [left] = (await read(path)).channels;
      const top = 1 - 2 ** (format === "pcm16" ? -15 : -23);
      expect([...left]).toEqual([top, -1, top, -1]);
    }
  });

  it("refuses what no player could play, and leaves the old file and nothing else", () => {
    const path = join(folder, "kept", "song.wav");
    expect(() => {
      writeWav(path, channels, 44100);
    }).toThrow(AceError);
    const old = join(folder, "old.wav");
    writeFileSync(old, "old");
    const entries = readdirSync(folder);
    expect(() => {
      writeWav(old, [Float32Array.of(0, Number.NaN)], 44100);
    }).toThrow(/sample 1 of channel 0 is NaN/);
    expect(() => {
      writeWav(old, [new Float32Array(2), new Float32Array(3)], 44100);
    }).toThrow(/equal length expected, got \[2, 3\]/);
    expect(() => {
      writeWav(old, [], 44100);
    }).toThrow(/equal length/);
    expect(readFileSync(old, "utf8")).toBe("old");
    expect(readdirSync(folder)).toEqual(entries);
    expect(existsSync(path)).toBe(false);
  });
});
