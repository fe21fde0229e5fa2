import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeFile, type DecodedAudio } from "../../src/audio/decode-file.js";
import { oggChecksum } from "../../src/audio/ogg-pages.js";
import { probeAudio } from "../../src/audio/probe.js";
import { fit, sweep } from "./sounds.js";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/audio/${name}`, import.meta.url));
const toySong = (name: string): string =>
  fileURLToPath(new URL(`../../../../tools/reference/toy/adapt/${name}`, import.meta.url));

function decode(path: string, sampleRateHz = 48000, maxDurationS?: number): Promise<DecodedAudio> {
  return decodeFile({ path, sampleRateHz, maxDurationS }, () => undefined);
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-compressed-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("compressed songs", () => {
  // The bound is what each encoder leaves of the sweep at its rate; one sample of misalignment costs it 15 dB and more.
  it.each([
    { name: "sweep-44100.mp3", rateHz: 44100, frames: 26460, channels: 2, gain: 0.475, snrDb: 60 },
    { name: "sweep-mono.mp3", rateHz: 44100, frames: 26460, channels: 1, gain: 0.504, snrDb: 60 },
    { name: "sweep-44100.ogg", rateHz: 44100, frames: 26460, channels: 2, gain: 0.5, snrDb: 30 },
    { name: "sweep.opus", rateHz: 48000, frames: 28800, channels: 2, gain: 0.5, snrDb: 30 },
    { name: "sweep-16.flac", rateHz: 44100, frames: 26460, channels: 1, gain: 0.375, snrDb: 85 },
    { name: "sweep-24.flac", rateHz: 32000, frames: 6400, channels: 1, gain: 0.375, snrDb: 130 },
  ])(
    "($name) come out at their place, level and length",
    async ({ name, rateHz, frames, channels, gain, snrDb }) => {
      const audio = await decode(fixture(name), rateHz);
      expect(audio.channels.map((channel) => channel.length)).toEqual([frames, frames]);
      expect(audio.source).toMatchObject({ sampleRateHz: rateHz, channels, durationS: frames / rateHz });
      expect(audio.warnings).toEqual([]);
      const [leftFit, rightFit] = audio.channels.map((channel) => fit(channel, sweep(frames, rateHz, 1)));
      expect(leftFit?.snrDb).toBeGreaterThan(snrDb);
      expect(Math.abs((leftFit?.gain ?? 0) / gain - 1)).toBeLessThan(0.01);
      expect(Math.abs((rightFit?.gain ?? 0) / (gain / channels) - 1)).toBeLessThan(0.01);
    },
  );

  it("(FLAC) are the encoder's integers over full scale, without the decoder's 32767", async () => {
    const sixteen = await decode(fixture("sweep-16.flac"), 44100);
    for (const sample of sixteen.channels[0]) expect(sample * 32768).toBe(Math.round(sample * 32768));
    const twentyFour = await decode(fixture("sweep-24.flac"), 32000);
    for (const sample of twentyFour.channels[0]) expect(sample * 8388608).toBe(Math.round(sample * 8388608));
  });

  it.each([
    "sweep-44100.mp3",
    "sweep-mono.mp3",
    "sweep-no-tag.mp3",
    "sweep-44100.ogg",
    "sweep.opus",
    "sweep-16.flac",
  ])("(%s) are measured by their headers as long as they decode", async (name) => {
    const { format } = await probeAudio(fixture(name));
    const audio = await decode(fixture(name), format?.sampleRateHz);
    expect(audio.channels[0].length).toBe(format?.frames);
  });

  it.each([
    ["bells-one.flac", 8.4],
    ["bells-two.ogg", 7],
    ["bells-three.ogg", 9.8],
  ])("of the toy set (%s) have their exact length", async (name, durationS) => {
    const audio = await decode(toySong(name));
    expect(audio.durationS).toBe(durationS);
    expect(audio.source.channels).toBe(2);
  });

  it("are cut at the wanted duration without decoding the rest", async () => {
    let beats = 0;
    const whole = await decodeFile(
      { path: toySong("bells-one.flac"), sampleRateHz: 48000, maxDurationS: undefined },
      () => beats++,
    );
    const beatsOfWhole = beats;
    beats = 0;
    const start = await decodeFile(
      { path: toySong("bells-one.flac"), sampleRateHz: 48000, maxDurationS: 1.5 },
      () => beats++,
    );
    expect(start.channels[0]).toEqual(whole.channels[0].slice(0, 72000));
    expect(start.source.durationS).toBe(8.4);
    expect(beats).toBeLessThan(beatsOfWhole / 3);
  });

  it.each(["sweep-44100.mp3", "sweep-44100.ogg", "sweep.opus", "sweep-16.flac"])(
    "(%s) that are cut off are refused",
    async (name) => {
      const bytes = readFileSync(fixture(name));
      for (const share of [0.9, 0.6, 0.3]) {
        const path = join(folder, name);
        writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length * share)));
        await expect(decode(path)).rejects.toMatchObject({ code: "ERR_FILE" });
      }
    },
  );

  it("(Ogg) with a flipped bit are refused by their page's checksum", async () => {
    const bytes = readFileSync(fixture("sweep-44100.ogg"));
    const middle = bytes.length - 2000;
    bytes[middle] = (bytes[middle] ?? 0) ^ 16;
    const path = join(folder, "flipped.ogg");
    writeFileSync(path, bytes);
    await expect(decode(path)).rejects.toThrow(/page at byte \d+ is damaged/);
  });

  it("of five channels and a bass give their front left and right, past the centre", async () => {
    const audio = await decode(fixture("sweep-5.1.opus"));
    expect(audio.source.channels).toBe(6);
    const fits = audio.channels.map((channel) => fit(channel, sweep(14400, 48000, 1)));
    for (const [side, { snrDb, gain }] of fits.entries()) {
      expect(snrDb).toBeGreaterThan(20);
      expect(Math.abs(gain / (side === 0 ? 0.5 : 0.25) - 1)).toBeLessThan(0.02);
    }
  });

  it("are read to their end when a player appended its tags", async () => {
    const id3v1 = Buffer.concat([Buffer.from("TAG"), Buffer.alloc(125, 32)]);
    const ape = Buffer.alloc(32 + 50 + 32);
    ape.write("APETAGEX", 82);
    ape.writeUInt32LE(82, 94);
    ape.writeUInt32LE(0x80000000, 102);
    for (const name of ["sweep-16.flac", "sweep-44100.mp3", "sweep-44100.ogg", "sweep.opus"]) {
      const wanted = await decode(fixture(name));
      for (const tags of [[id3v1], [ape], [ape, id3v1]]) {
        const path = join(folder, name);
        writeFileSync(path, Buffer.concat([readFileSync(fixture(name)), ...tags]));
        expect((await decode(path)).channels[0]).toEqual(wanted.channels[0]);
      }
    }
  });

  it("(Ogg) that hold several streams are refused, not half read", async () => {
    for (const name of ["sweep-44100.ogg", "sweep.opus"]) {
      const path = join(folder, name);
      writeFileSync(path, Buffer.concat([readFileSync(fixture(name)), readFileSync(fixture(name))]));
      await expect(decode(path)).rejects.toThrow(/holds 2 Ogg streams; split or re-encode/);
    }
  });

  it("(MP3 without a tag) that end in the middle of a frame are read with a warning", async () => {
    const path = join(folder, "cut.mp3");
    writeFileSync(path, readFileSync(fixture("sweep-no-tag.mp3")).subarray(0, -20));
    const audio = await decode(path);
    expect(audio.warnings).toEqual([`${path}: ends in the middle of an MP3 frame; it may be cut off`]);
    expect(audio.durationS).toBeGreaterThan(0.5);
  });

  it("(MP3) are found behind an ID3 tag whose picture holds frame headers", async () => {
    const plain = readFileSync(fixture("sweep-44100.mp3"));
    const picture = Buffer.concat([plain.subarray(0, 3000), Buffer.alloc(96)]);
    const tag = Buffer.concat([
      Buffer.from("ID3\x04\x00\x00"),
      Buffer.from([0, 0, 3096 >> 7, 3096 & 127]),
      picture,
    ]);
    const path = join(folder, "tagged.mp3");
    writeFileSync(path, Buffer.concat([tag, plain]));
    expect((await decode(path)).channels[0]).toEqual((await decode(fixture("sweep-44100.mp3"))).channels[0]);
  });
});

describe("an Opus file of a few kilobytes that stands for hours", () => {
  it("is refused when its length says so, and cut when its length lies", async () => {
    const twoHours = opusOfSilence(60_000);
    expect(twoHours.length).toBeLessThan(400_000);
    const path = join(folder, "hours.opus");
    writeFileSync(path, twoHours);
    await expect(decode(path)).rejects.toMatchObject({ cause: "too-long" });
    expect((await decode(path, 48000, 2)).durationS).toBe(2);

    writeFileSync(path, opusOfSilence(60_000, 48_000n));
    const before = process.memoryUsage().arrayBuffers;
    expect((await decode(path)).durationS).toBe(1);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(400 * 2 ** 20);
  });
});

/** Packets of 48 empty frames of 2.5 ms: 120 ms in two bytes. */
function opusOfSilence(packets: number, lastGranule = BigInt(packets) * 5760n): Buffer {
  const head = Buffer.from("OpusHead\x01\x02\0\0\x80\xbb\0\0\0\0\0", "latin1");
  const tags = Buffer.from("OpusTags\0\0\0\0\0\0\0\0", "latin1");
  const pages = [oggPage(2, 0n, 0, [head]), oggPage(0, 0n, 1, [tags])];
  for (let done = 0; done < packets; done += 255) {
    const count = Math.min(255, packets - done);
    const isLast = done + count === packets;
    const granule = isLast ? lastGranule : BigInt(done + count) * 5760n;
    const silence = Array.from({ length: count }, () => Buffer.from([0x83, 48]));
    pages.push(oggPage(isLast ? 4 : 0, granule, pages.length, silence));
  }
  return Buffer.concat(pages);
}

function oggPage(flags: number, granule: bigint, sequence: number, packets: readonly Buffer[]): Buffer {
  const page = Buffer.concat([
    Buffer.alloc(27),
    Buffer.from(packets.map((packet) => packet.length)),
    ...packets,
  ]);
  page.write("OggS");
  page[5] = flags;
  page.writeBigUInt64LE(granule, 6);
  page.writeUInt32LE(7, 14);
  page.writeUInt32LE(sequence, 18);
  page[26] = packets.length;
  page.writeUInt32LE(oggChecksum(page), 22);
  return page;
}
