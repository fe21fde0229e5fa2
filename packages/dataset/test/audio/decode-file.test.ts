import { AceError } from "@acewright/core-native";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeFile, type DecodedAudio } from "../../src/audio/decode-file.js";
import { audioProblemOf } from "../../src/audio/refusal.js";
import { fit, sine, sweep } from "./sounds.js";
import {
  ascii,
  comm,
  fmt,
  fmtExtensible,
  form,
  join,
  riff,
  samples,
  ssnd,
  type Coding,
  type FormatFields,
} from "./wave-files.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(joinPath(tmpdir(), "acewright-decode-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const left = sweep(4800, 48000);
const right = sine(4800, 48000, 500, 0.25);

async function decodeBytes(
  bytes: Uint8Array,
  name = "song.wav",
  maxDurationS?: number,
): Promise<DecodedAudio> {
  const path = joinPath(folder, name);
  writeFileSync(path, bytes);
  return decodeFile({ path, sampleRateHz: 48000, maxDurationS }, () => undefined);
}

async function refusalOf(
  bytes: Uint8Array,
  name?: string,
): Promise<{ problem: string | undefined; message: string }> {
  try {
    await decodeBytes(bytes, name);
  } catch (error) {
    expect(error).toBeInstanceOf(AceError);
    const { code, message } = error as AceError;
    expect(code).toBe("ERR_FILE");
    expect(message).toContain(name ?? "song.wav");
    expect(message).not.toContain("\n");
    return { problem: audioProblemOf(error), message };
  }
  throw new Error("was read, but a refusal was expected");
}

/** Half a step of the coding, and float32's own. */
const steps: Record<Coding, number> = {
  u8: 0.5 / 128,
  s8: 0.5 / 128,
  s16: 0.5 / 32768,
  s24: 0.5 / 8388608 + 2 ** -26,
  s32: 2 ** -25,
  f32: 0,
  f64: 0,
};

function expectClose(got: Float32Array, wanted: Float32Array, bound: number): void {
  expect(got.length).toBe(wanted.length);
  const worst = got.reduce(
    (most, sample, index) => Math.max(most, Math.abs(sample - (wanted[index] as number))),
    0,
  );
  expect(worst).toBeLessThanOrEqual(bound);
}

describe("WAV files", () => {
  const wavCodings: [Coding, FormatFields][] = [
    ["u8", { bits: 8 }],
    ["s16", { bits: 16 }],
    ["s24", { bits: 24 }],
    ["s32", { bits: 32 }],
    ["f32", { tag: 3, bits: 32 }],
    ["f64", { tag: 3, bits: 64 }],
  ];
  it.each(wavCodings)(
    "of %s are read to half a step, in the plain and in the extensible form",
    async (coding, fields) => {
      const data = { id: "data", body: samples([left, right], coding) };
      for (const format of [fmt(fields), fmtExtensible(fields)]) {
        const audio = await decodeBytes(riff([format, data]));
        expectClose(audio.channels[0], left, steps[coding]);
        expectClose(audio.channels[1], right, steps[coding]);
        expect(audio.durationS).toBe(0.1);
        expect(audio.warnings).toEqual([]);
        expect(audio.source).toMatchObject({ sampleRateHz: 48000, channels: 2, durationS: 0.1 });
      }
    },
  );

  const data = { id: "data", body: samples([left, right], "f32") };
  const float = fmt({ tag: 3, bits: 32 });

  it("are read past chunks of odd length, padded or not, and with chunks after the samples", async () => {
    const odd = { id: "LIST", body: ascii("abc") };
    const audio = await decodeBytes(
      riff([odd, float, { ...odd, unpadded: true }, { id: "bext", body: new Uint8Array(602) }, data, odd]),
    );
    expectClose(audio.channels[0], left, 0);
  });

  it("are read after an ID3 tag", async () => {
    const tag = join(ascii("ID3"), Uint8Array.from([4, 0, 0, 0, 0, 1, 2]), new Uint8Array(130));
    expectClose((await decodeBytes(join(tag, riff([float, data])))).channels[0], left, 0);
  });

  it("of more than 4 GiB's header form (RF64) take their length from ds64", async () => {
    const ds64 = new Uint8Array(28);
    new DataView(ds64.buffer).setBigUint64(8, BigInt(data.body.length), true);
    const chunks = [{ id: "ds64", body: ds64 }, float, { ...data, declared: 0xffffffff }];
    const audio = await decodeBytes(riff([...chunks, { id: "LIST", body: ascii("junk") }], { id: "RF64" }));
    expectClose(audio.channels[0], left, 0);
    expect(audio.warnings).toEqual([]);
  });

  it.each([0, 0xffffffff, 0x7ffff000])(
    "written as a stream (length %i) are read to their end, with a warning",
    async (declared) => {
      const audio = await decodeBytes(riff([float, { ...data, declared }]));
      expectClose(audio.channels[0], left, 0);
      expect(audio.warnings.join()).toContain("does not say how long");
    },
  );

  it("of one channel stand on both sides, each with its own memory", async () => {
    const audio = await decodeBytes(
      riff([fmt({ tag: 3, bits: 32, channels: 1 }), { id: "data", body: samples([left], "f32") }]),
    );
    expect(audio.channels[0]).toEqual(left);
    expect(audio.channels[1]).toEqual(left);
    expect(audio.channels[0].buffer).not.toBe(audio.channels[1].buffer);
    expect(audio.source.channels).toBe(1);
  });

  it("of six channels give their first two", async () => {
    const other = sine(4800, 48000, 99);
    const body = samples([left, right, other, other, other, other], "s16");
    const audio = await decodeBytes(riff([fmt({ channels: 6 }), { id: "data", body }]));
    expectClose(audio.channels[0], left, steps.s16);
    expectClose(audio.channels[1], right, steps.s16);
    expect(audio.source.channels).toBe(6);
  });

  it("are resampled from 44.1 kHz to the exact length", async () => {
    const audio = await decodeBytes(
      riff([
        fmt({ tag: 3, bits: 32, channels: 1, rateHz: 44100 }),
        { id: "data", body: samples([sweep(10007, 44100)], "f32") },
      ]),
    );
    expect(audio.channels[0].length).toBe(Math.round((10007 * 48000) / 44100));
    expect(fit(audio.channels[0], sweep(audio.channels[0].length, 48000)).snrDb).toBeGreaterThan(120);
  });

  it("are cut at the wanted duration, and still tell their whole length", async () => {
    const audio = await decodeBytes(riff([float, data]), "song.wav", 0.04);
    expect(audio.channels[0]).toEqual(left.slice(0, 1920));
    expect(audio.durationS).toBe(0.04);
    expect(audio.source.durationS).toBe(0.1);
  });

  it("under another name are read as what they are, and said to be", async () => {
    const audio = await decodeBytes(riff([float, data]), "song.mp3");
    expectClose(audio.channels[0], left, 0);
    expect(audio.warnings.join()).toContain("is a WAV file in spite of its name");
  });

  it.each<[string, Uint8Array, string, RegExp]>([
    [
      "cut off in the samples",
      riff([float, data]).slice(0, -100),
      "truncated",
      /promises 38400 bytes .* has 38300/,
    ],
    ["cut off before the samples", riff([float]), "truncated", /ends before its data/],
    ["cut off before the format", riff([]), "truncated", /ends before its format/],
    ["with samples before the format", riff([data, float]), "damaged", /before its format/],
    [
      "without a frame",
      riff([float, { id: "data", body: new Uint8Array() }]),
      "no-frames",
      /no audio samples/,
    ],
    [
      "with half a frame",
      riff([float, { id: "data", body: new Uint8Array(7) }]),
      "no-frames",
      /no audio samples/,
    ],
    ["in ADPCM", riff([fmt({ tag: 2, bits: 4, frameBytes: 2 }), data]), "unsupported", /codec number 2/],
    ["of 12 bytes a sample", riff([fmt({ bits: 96 }), data]), "unsupported", /96-bit samples/],
    ["of no channels", riff([fmt({ channels: 0 }), data]), "damaged", /0 channels/],
    ["of 0 Hz", riff([fmt({ rateHz: 0 }), data]), "damaged", /0 Hz/],
    ["of 4 GHz", riff([fmt({ rateHz: 4e9 }), data]), "damaged", /4000000000 Hz/],
    ["whose frame size does not fit", riff([fmt({ frameBytes: 3 }), data]), "damaged", /does not add up/],
  ])("%s are refused in one line", async (_name, bytes, problem, message) => {
    const refusal = await refusalOf(bytes);
    expect(refusal.problem).toBe(problem);
    expect(refusal.message).toMatch(message);
  });

  it.each([
    [Number.NaN, "not-finite", /sample at 0\.05 s is not a number/],
    [Infinity, "not-finite", /sample at 0\.05 s is not a number/],
    [-32768, "too-loud", /3\.28e\+4 times full scale/],
  ])("with the sample %f are refused and the place is told", async (value, problem, message) => {
    const broken = left.slice();
    broken[2400] = value;
    const refusal = await refusalOf(riff([float, { id: "data", body: samples([right, broken], "f32") }]));
    expect(refusal.problem).toBe(problem);
    expect(refusal.message).toMatch(message);
  });
});

describe("AIFF files", () => {
  const aiff = (bits: number, coding: Coding, compression?: string, littleEndian = false): Uint8Array =>
    form(
      [
        comm(4800, bits, 2, 48000, compression),
        { id: "NAME", body: ascii("odd") },
        ssnd(samples([left, right], coding, littleEndian)),
      ],
      compression === undefined ? "AIFF" : "AIFC",
    );
  it.each<[string, Uint8Array, Coding]>([
    ["8-bit", aiff(8, "s8"), "s8"],
    ["16-bit", aiff(16, "s16"), "s16"],
    ["24-bit", aiff(24, "s24"), "s24"],
    ["32-bit", aiff(32, "s32"), "s32"],
    ["uncompressed AIFC", aiff(16, "s16", "NONE"), "s16"],
    ["little-endian AIFC", aiff(16, "s16", "sowt", true), "s16"],
    ["float AIFC", aiff(32, "f32", "fl32"), "f32"],
    ["double AIFC", aiff(64, "f64", "FL64"), "f64"],
  ])("(%s) are read to half a step", async (_name, bytes, coding) => {
    const audio = await decodeBytes(bytes, "song.aiff");
    expectClose(audio.channels[0], left, steps[coding]);
    expectClose(audio.channels[1], right, steps[coding]);
    expect(audio.source).toMatchObject({ sampleRateHz: 48000, channels: 2 });
  });

  it("that are cut off or compressed are refused", async () => {
    expect(await refusalOf(aiff(16, "s16").slice(0, -9), "song.aiff")).toMatchObject({
      problem: "truncated",
    });
    expect(await refusalOf(form([comm(1, 16, 2, 48000)], "AIFF"), "song.aiff")).toMatchObject({
      problem: "truncated",
    });
    expect((await refusalOf(aiff(16, "s16", "ima4"), "song.aiff")).message).toContain('compressed as "ima4"');
  });
});

describe("files that are no audio", () => {
  it("are refused by what is wrong with them", async () => {
    expect(await refusalOf(new Uint8Array(), "empty.mp3")).toMatchObject({ problem: "empty" });
    expect(await refusalOf(ascii("this is a text, not a song\n".repeat(50)), "notes.mp3")).toMatchObject({
      problem: "not-audio",
    });
    expect(await refusalOf(new Uint8Array(10000), "zeros.flac")).toMatchObject({ problem: "not-audio" });
    expect(await refusalOf(ascii("R"), "one.wav")).toMatchObject({ problem: "not-audio" });
  });

  it("such as folders and absent paths are named", async () => {
    const decode = (path: string): Promise<DecodedAudio> =>
      decodeFile({ path, sampleRateHz: 48000, maxDurationS: undefined }, () => undefined);
    await expect(decode(joinPath(folder, "absent.wav"))).rejects.toThrow(/absent\.wav: does not exist/);
    await expect(decode(folder)).rejects.toThrow(/is not a regular file/);
  });
});
