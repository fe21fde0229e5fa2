import { rmSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { analyzeSong, decodeAudio, writeWav } from "@acewright/dataset";
import { playSmallSong, type SmallSong } from "./small-songs.js";

const silent = (seconds: number) => ({
  channels: [new Float32Array(48_000 * seconds), new Float32Array(48_000 * seconds)] as [
    Float32Array<ArrayBuffer>,
    Float32Array<ArrayBuffer>,
  ],
  sampleRateHz: 48_000,
});

describe("analyzeSong", () => {
  const songs: (SmallSong & { key: string })[] = [
    { bpm: 100, tonic: 0, mode: "major", metre: 4, key: "C major" },
    { bpm: 87.3, tonic: 9, mode: "minor", metre: 4, key: "A minor" },
    { bpm: 128, tonic: 10, mode: "minor", metre: 4, a4Hz: 432, key: "A# minor" },
    { bpm: 72, tonic: 7, mode: "major", metre: 6, key: "G major" },
  ];
  test.each(songs)("hears $bpm bpm, $key and $metre beats", async (song) => {
    const { tempo, key, timeSignature, tuningHz } = await analyzeSong(playSmallSong(song));
    expect(Math.abs((tempo?.bpm ?? 0) / song.bpm - 1)).toBeLessThan(0.01);
    expect(key?.key).toBe(song.key);
    expect(timeSignature?.timesignature).toBe(String(song.metre));
    expect(Math.abs((tuningHz ?? 0) - (song.a4Hz ?? 440))).toBeLessThan(2);
  });

  test("names half, double, relative, parallel and fifths beside what it heard", async () => {
    const { tempo, key } = await analyzeSong(playSmallSong({ bpm: 110, tonic: 2, mode: "minor", metre: 4 }));
    const ratios = tempo?.alternatives.map(({ ratio }) => ratio) ?? [];
    expect(ratios.some((ratio) => Math.abs(ratio - 0.5) < 1e-6)).toBe(true);
    expect(ratios.some((ratio) => Math.abs(ratio - 2) < 1e-6)).toBe(true);
    const related = key?.alternatives.filter(({ relation }) => relation !== "other") ?? [];
    expect(related.map(({ key: name, relation }) => `${relation}: ${name}`).sort()).toEqual([
      "fifth: A minor", "fifth: G minor", "parallel: D major", "relative: F major",
    ]); // prettier-ignore
  });

  test("beats and bars lie where they were played", async () => {
    const { beatsS, barsS } = await analyzeSong(
      playSmallSong({ bpm: 120, tonic: 0, mode: "major", metre: 4 }),
    );
    const off = beatsS.slice(2, -2).map((at) => Math.abs(at / 0.5 - Math.round(at / 0.5)) * 0.5);
    expect(Math.max(...off)).toBeLessThan(0.04);
    const bars = barsS.slice(1, -1).map((at) => Math.abs(at / 2 - Math.round(at / 2)) * 2);
    expect(Math.max(...bars)).toBeLessThan(0.04);
  });

  test("silence has no tempo, no key and no loudness; noise is heard without confidence", async () => {
    expect(await analyzeSong(silent(10))).toMatchObject({
      tempo: undefined,
      key: undefined,
      timeSignature: undefined,
      loudnessLufs: -Infinity,
      truePeakDb: -Infinity,
    });
    const noisy = silent(10);
    let state = 3;
    for (const side of noisy.channels) {
      for (let i = 0; i < side.length; i++)
        side[i] = ((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32 - 0.5) / 2;
    }
    const { tempo, key } = await analyzeSong(noisy);
    expect(tempo?.confidence ?? 0).toBeLessThan(0.6);
    expect(key?.confidence ?? 0).toBeLessThan(0.6);
  });

  test("a song of two seconds is measured, but given no tempo", async () => {
    const short = await analyzeSong(
      playSmallSong({ bpm: 120, tonic: 0, mode: "major", metre: 4, seconds: 2 }),
    );
    expect(short.tempo).toBeUndefined();
    expect(short.loudnessLufs).toBeGreaterThan(-40);
  });

  test("sections begin where the music changes", async () => {
    const loud = playSmallSong({ bpm: 120, tonic: 0, mode: "major", metre: 4, seconds: 32 });
    const [left] = loud.channels;
    // Sixteen seconds, eight bars, without drums or bass: only two high notes.
    for (let i = 0; i < 16 * 24_000; i++)
      left[i] =
        0.1 * Math.sin((2 * Math.PI * 659 * i) / 24_000) + 0.05 * Math.sin((2 * Math.PI * 880 * i) / 24_000);
    const { sections } = await analyzeSong({ channels: [left, left.slice()], sampleRateHz: 24_000 });
    expect(sections[0]?.startS).toBe(0);
    expect(sections.at(-1)?.endS).toBe(32);
    expect(Math.min(...sections.map(({ startS }) => Math.abs(startS - 16)))).toBeLessThan(2.1);
    expect(new Set(sections.map(({ label }) => label)).size).toBeGreaterThan(1);
  });

  test("audio that is none is refused, and an abort ends it", async () => {
    const bad = {
      channels: [new Float32Array(10), new Float32Array(9)] as [
        Float32Array<ArrayBuffer>,
        Float32Array<ArrayBuffer>,
      ],
      sampleRateHz: 48_000,
    };
    await expect(analyzeSong(bad)).rejects.toMatchObject({ code: "ERR_CONFIG" });
    const controller = new AbortController();
    const long = analyzeSong(silent(300), { signal: controller.signal });
    controller.abort();
    await expect(long).rejects.toMatchObject({ name: "AbortError" });
  });

  describe("from a file", () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "acewright-analysis-"));
    });
    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    test("equals the analysis of the decoded audio", async () => {
      const { channels, sampleRateHz } = playSmallSong({ bpm: 95, tonic: 5, mode: "major", metre: 4 });
      const path = join(folder, "song.wav");
      writeWav(path, channels, sampleRateHz, "float32");
      expect(await analyzeSong(path)).toEqual(await analyzeSong(await decodeAudio(path)));
    });

    test("a file that is not there is refused by name", async () => {
      await expect(analyzeSong(join(folder, "none.wav"))).rejects.toThrow(/none\.wav/);
    });
  });
});
