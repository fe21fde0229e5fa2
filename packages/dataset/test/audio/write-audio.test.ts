import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseFile } from "music-metadata";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeAudio, writeAudio, type WriteAudioOptions } from "@acewright/dataset";
import { seededRandom } from "./sounds.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-audio-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const random = seededRandom(7);
const frames = 40_001;
const noise = (): Float32Array => Float32Array.from({ length: frames }, () => 2 * random() - 1);
const channels = [noise(), noise()];
const steps = (bits: number): number[][] => {
  const full = 2 ** (bits - 1);
  return channels.map((channel) =>
    Array.from(channel, (sample) => Math.max(-full, Math.min(full - 1, Math.round(sample * full))) + 0),
  );
};

describe("writeAudio", () => {
  it.each<[16 | 24, string]>([
    [16, "flac"],
    [24, "flac"],
    [16, "wav"],
    [24, "wav"],
  ])("every %d-bit sample of a %s file is read back as it was", async (bits, ending) => {
    const path = join(folder, `exact${bits}.${ending}`);
    await writeAudio(path, channels, 48_000, { format: bits === 16 ? "pcm16" : "pcm24" });
    const audio = await decodeAudio(path);
    expect(audio.source.durationS).toBe(frames / 48_000);
    const full = 2 ** (bits - 1);
    const read = audio.channels.map((channel) =>
      Array.from(channel, (sample) => Math.round(sample * full) + 0),
    );
    expect(read).toEqual(steps(bits));
  });

  it("the MD5 in a FLAC header is that of the samples", async () => {
    const path = join(folder, "digest.flac");
    await writeAudio(path, channels, 48_000);
    const pcm = Buffer.alloc(frames * 4);
    steps(16).forEach((channel, side) => {
      channel.forEach((value, index) => pcm.writeInt16LE(value, index * 4 + side * 2));
    });
    expect(readFileSync(path).subarray(26, 42).toString("hex")).toBe(
      createHash("md5").update(pcm).digest("hex"),
    );
  });

  const tags = { TITLE: "Bells — 鐘", COMMENT: "slow bells", SEED: "7", ENCODER: "acewright" };
  it("tags are read from a FLAC file by another reader", async () => {
    const path = join(folder, "tagged.flac");
    await writeAudio(path, channels, 48_000, { tags });
    const { native } = await parseFile(path);
    const read = (native["vorbis"] ?? []).map(({ id, value }) => [id, value] as const);
    expect(Object.fromEntries(read)).toMatchObject(tags);
  });

  it("tags are read from a WAV file by another reader, what INFO has no place for in the comment", async () => {
    const path = join(folder, "tagged.wav");
    await writeAudio(path, channels, 48_000, { tags: { ...tags, TITLE: "Bells", ARTIST: "Zoë" } });
    const { native, format } = await parseFile(path);
    const read = (native["exif"] ?? []).map(({ id, value }) => [id, value] as const);
    expect(Object.fromEntries(read)).toEqual({
      INAM: "Bells",
      IART: "Zo\u00c3\u00ab", // UTF-8, which that reader takes for Latin-1; ffmpeg and players do not
      ISFT: tags.ENCODER,
      ICMT: "slow bells\nSEED=7",
    });
    expect(format.numberOfSamples).toBe(frames);
    expect((await decodeAudio(path)).channels[0].length).toBe(frames);
  });

  it.each<[string, WriteAudioOptions, string]>([
    ["song.mp3", {}, "songs are written as .wav or .flac"],
    ["song.flac", { format: "float32" }, "FLAC holds whole numbers"],
  ])("%s with %o is refused", async (name, options, message) => {
    const path = join(folder, name);
    await expect(writeAudio(path, channels, 48_000, options)).rejects.toThrow(message);
  });

  it("a sample that is no number leaves no file", async () => {
    const bad = [noise().fill(NaN, 5, 6), noise()];
    await expect(writeAudio(join(folder, "nan.flac"), bad, 48_000)).rejects.toThrow(
      "sample 5 of channel 0 is NaN",
    );
    expect(readdirSync(folder)).not.toContain("nan.flac");
  });
});
