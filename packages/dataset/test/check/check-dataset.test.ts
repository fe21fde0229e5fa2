import {
  checkDataset,
  checkWords,
  Dataset,
  Sample,
  scanFolder,
  writeWav,
  type CheckOptions,
  type Finding,
} from "@acewright/dataset";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sine } from "../audio/sounds.js";

const toy = fileURLToPath(new URL("../../../../tools/reference/toy/adapt", import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-check-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const rateHz = 32_000;

const song = (name: string, seconds: number, gain = 0.5): void => {
  const side = (hz: number): Float32Array => sine(Math.round(seconds * rateHz), rateHz, hz, gain);
  writeWav(join(folder, name), [side(440 + name.length), side(660)], rateHz, "float32");
};

const metas = { bpm: 120, keyscale: "C major", timesignature: "4" };

function dataset(...samples: Partial<Sample>[]): Dataset {
  const whole = samples.map((sample, index) => {
    return {
      id: `id${index}`,
      filename: sample.audio_path,
      caption: "bells",
      labeled: true,
      ...metas,
      ...sample,
    };
  });
  return Dataset.parse({ metadata: {}, samples: whole });
}

function check(data: Dataset, options: CheckOptions = {}): Promise<Finding[]> {
  return checkDataset(data, { folder, ...options });
}

const brief = (findings: Finding[]): string[] =>
  findings.map(({ severity, code, sample }) => `${severity} ${code} ${sample ?? "-"}`);

describe("checking a dataset", () => {
  it("says of words and numbers alone what it says of all, without a file being there", async () => {
    const { dataset: toys } = await scanFolder(toy);
    Object.assign(toys.samples[0] ?? {}, { keyscale: "Am", caption: "" });
    const all = await checkDataset(toys, { decode: false });
    for (const sample of toys.samples) sample.audio_path = "gone.wav";
    const words = await checkWords(toys);
    expect(words).toEqual(all);
    expect(words.map(({ code }) => code)).toContain("missing-caption");
    expect(await checkWords({ ...toys, samples: [] })).toMatchObject([{ code: "no-samples" }]);
  });

  it("finds nothing wrong with the toy songs but their unusual key and metre", async () => {
    const { dataset: toys } = await scanFolder(toy);
    const findings = await checkDataset(toys);
    expect(new Set(findings.map((finding) => finding.code))).toEqual(
      new Set(["odd-key", "odd-time-signature"]),
    );
    expect(findings.every((finding) => finding.severity === "info")).toBe(true);
  });

  it("names what is wrong with each song's audio, and goes on", async () => {
    song("good.wav", 6);
    song("short.wav", 3);
    song("tiny.wav", 0.5);
    song("silent.wav", 6, 0);
    song("faint.wav", 6, 1e-5);
    writeFileSync(join(folder, "empty.wav"), "");
    writeFileSync(join(folder, "text.mp3"), "not music at all");
    copyFileSync(join(folder, "good.wav"), join(folder, "misnamed.mp3"));
    writeFileSync(join(folder, "nan.wav"), withNan(join(folder, "good.wav")));
    const names = ["good", "short", "tiny", "silent", "faint", "empty", "nan"].map((name) => `${name}.wav`);
    const paths = [...names, "text.mp3", "gone.wav"];
    const findings = await check(dataset(...paths.map((audio_path) => ({ audio_path }))));
    expect(brief(findings)).toEqual([
      "warning too-short 1",
      "error too-short 2",
      "warning silent 3",
      "warning silent 4",
      "error empty 5",
      "error nan 6",
      "error unreadable 7",
      "error missing-file 8",
    ]);
    for (const finding of findings) {
      expect(finding.message).toMatch(/^[a-z]+\.(wav|mp3): \S/);
      expect(finding.message + finding.fix).not.toContain("\n");
      expect(finding.fix).not.toBe("");
    }
    const misnamed = await check(dataset({ audio_path: "misnamed.mp3" }));
    expect(brief(misnamed)).toEqual(["info decoder-note 0"]);
  });

  it("finds the same audio under two names, and one id twice", async () => {
    song("a.wav", 6);
    copyFileSync(join(folder, "a.wav"), join(folder, "b.wav"));
    song("other.wav", 6);
    // The same samples in another form of file are the same song.
    const whole = [sine(6 * rateHz, rateHz, 500), sine(6 * rateHz, rateHz, 600)].map((side) =>
      side.map((sample) => Math.round(sample * 32768) / 32768),
    );
    writeWav(join(folder, "c.wav"), whole, rateHz, "pcm16");
    writeWav(join(folder, "d.wav"), whole, rateHz, "float32");
    const findings = await check(
      dataset(
        { audio_path: "a.wav", id: "x" },
        { audio_path: "b.wav", id: "x" },
        { audio_path: "other.wav", id: "y" },
        { audio_path: "c.wav", id: "c" },
        { audio_path: "d.wav", id: "d" },
      ),
    );
    expect(brief(findings)).toEqual([
      "error duplicate-id 1",
      "warning duplicate-audio 1",
      "warning duplicate-audio 4",
    ]);
    expect(findings.map(({ other }) => other)).toEqual([0, 0, 3]);
    expect(findings[1]?.message).toContain("a.wav");
  });

  it("looks at texts and numbers", async () => {
    song("a.wav", 6);
    const audio_path = "a.wav";
    const fields: [Partial<Sample>, string[]][] = [
      [{}, []],
      [{ caption: "" }, ["warning missing-caption 0"]],
      [{ bpm: 29 }, ["warning odd-bpm 0"]],
      [{ bpm: 120.5 }, ["warning odd-bpm 0"]],
      [{ bpm: 300 }, []],
      [{ keyscale: "F# minor" }, []],
      [{ keyscale: "B♭ major" }, []],
      [{ keyscale: "H moll" }, ["warning odd-key 0"]],
      [{ keyscale: "A phrygian" }, ["info odd-key 0"]],
      [{ bpm: null, keyscale: "" }, ["info missing-fields 0"]],
      [{ timesignature: "6" }, []],
      [{ timesignature: "5" }, ["info odd-time-signature 0"]],
      [{ language: "yue" }, []],
      [{ language: "english" }, ["warning odd-language 0"]],
      [{ duration: 6 }, []],
      [{ duration: 60 }, ["warning duration-differs 0"]],
    ];
    for (const [sample, wanted] of fields) {
      // Only the length needs the sound.
      const found = await check(dataset({ audio_path, ...sample }), { decode: "duration" in sample });
      expect(brief(found), JSON.stringify(sample)).toEqual(wanted);
    }
  });

  it("counts tokens of the prompts as they will be made", async () => {
    song("a.wav", 6);
    const prompts: string[] = [];
    const countTokens = (text: string): number => {
      prompts.push(text);
      return text.split(/\s+/).length;
    };
    const words = (count: number): string => "la ".repeat(count);
    const data = dataset({
      audio_path: "a.wav",
      caption: "bells",
      lyrics: words(600),
      language: "de",
      is_instrumental: false,
    });
    data.metadata.custom_tag = "zxc";
    expect(await check(data, { countTokens, decode: false })).toEqual([]);
    expect(prompts[0]).toContain("# Caption\nzxc, bells\n");
    expect(prompts[1]).toContain("# Languages\nde\n");
    const official = await check(data, { countTokens, conditioning: "official", decode: false });
    expect(brief(official)).toEqual(["warning lyrics-too-long 0"]);
    expect(official[0]?.message).toMatch(/60\d tokens, 512 are read/);

    const wordy = dataset({
      audio_path: "a.wav",
      caption: words(250),
      lyrics: words(2048),
      is_instrumental: false,
      language: "en",
    });
    const findings = await check(wordy, {
      countTokens: (text) => Promise.resolve(countTokens(text)),
      decode: false,
    });
    expect(brief(findings)).toEqual(["warning caption-too-long 0", "warning lyrics-too-long 0"]);
    expect(findings[0]?.message).toMatch(/\d+ are cut, from "la la/);

    // The official trainer cuts the end of the prompt, where tempo and key stand.
    const lost = await check(wordy, { countTokens, conditioning: "official", decode: false });
    expect(brief(lost)).toEqual([
      "warning caption-too-long 0",
      "warning metas-lost 0",
      "warning lyrics-too-long 0",
    ]);
    expect(lost[1]?.message).toContain("bpm, timesignature, keyscale, duration");
  });

  it("queues values that analysis was not sure of, or heard otherwise", async () => {
    song("a.wav", 6);
    const judged = (value: unknown, confidence: number): object => ({ value, confidence, alternatives: [] });
    const analysis = {
      version: 1,
      file: { bytes: 1, modified_ms: 1 },
      filled: ["bpm"],
      bpm: { ...judged(120, 0.1), alternatives: [{ value: 60, confidence: 0.09 }] },
      keyscale: judged("E minor", 0.99),
      timesignature: judged("4", 0.99),
      tuning_hz: null,
      loudness_lufs: null,
      true_peak_db: null,
      sections: [],
    };
    const findings = await check(dataset({ audio_path: "a.wav", acewright: { analysis } }), {
      decode: false,
    });
    expect(brief(findings)).toEqual(["info doubtful-value 0", "info doubtful-value 0"]);
    expect(findings.map(({ field, suggestion }) => [field, suggestion])).toEqual([
      ["bpm", 120],
      ["keyscale", "E minor"],
    ]);
    expect(findings[0]?.message).toContain("10 % sure, else 60");
    expect(findings[1]?.message).toContain("says C major");
  });

  it("can leave out decoding, and still tells missing and unreadable files", async () => {
    song("short.wav", 3);
    writeFileSync(join(folder, "empty.wav"), "");
    const data = dataset(
      { audio_path: "short.wav" },
      { audio_path: "empty.wav" },
      { audio_path: "gone.wav" },
    );
    expect(brief(await check(data, { decode: false }))).toEqual(["error empty 1", "error missing-file 2"]);
  });

  it("says that a dataset is empty", async () => {
    expect(brief(await check(dataset()))).toEqual(["error no-samples -"]);
  });

  it("does not follow a path out of the folder", async () => {
    await expect(check(dataset({ audio_path: "../x.wav" }))).rejects.toThrow(/leaves the dataset's folder/);
  });

  it("tells its progress and stops on abort", async () => {
    song("a.wav", 6);
    song("bb.wav", 6);
    const controller = new AbortController();
    const seen: number[] = [];
    const checking = check(dataset({ audio_path: "a.wav" }, { audio_path: "bb.wav" }), {
      signal: controller.signal,
      workers: 1,
      onProgress: ({ done }) => {
        seen.push(done);
        if (done === 1) controller.abort(new Error("enough"));
      },
    });
    await expect(checking).rejects.toThrow("enough");
    expect(seen).toEqual([0, 1]);
  });

  it("refuses a setting out of range by its name", async () => {
    await expect(check(dataset(), { workers: 0 })).rejects.toThrow(/workers/);
  });

  it("keeps results of unchanged songs, and measures changed ones again", async () => {
    song("a.wav", 6);
    song("b.wav", 3);
    const cacheFolder = join(folder, "cache");
    const data = dataset({ audio_path: "a.wav" }, { audio_path: "b.wav" });
    const first = await check(data, { cacheFolder });
    expect(brief(first)).toEqual(["warning too-short 1"]);
    const entries = readdirSync(cacheFolder, { recursive: true, withFileTypes: true });
    expect(entries.filter((entry) => entry.isFile())).toHaveLength(2);

    // That the second check asks the entries is seen by changing what they say.
    const [entry] = entries
      .filter((candidate) => candidate.isFile())
      .map((file) => join(file.parentPath, file.name));
    const path = entry ?? "";
    writeFileSync(
      path,
      readFileSync(path, "utf8").replace(/"durationS":[\d.]+,"bits/, '"durationS":0.5,"bits'),
    );
    expect(brief(await check(data, { cacheFolder }))).toContainEqual(
      expect.stringMatching(/^error too-short/),
    );
    writeFileSync(path, "{");
    expect(await check(data, { cacheFolder })).toEqual(first);

    song("b.wav", 7);
    expect(await check(data, { cacheFolder })).toEqual([]);
  });
});

/** The bytes of a float WAV with one sample made NaN. */
function withNan(path: string): Buffer {
  const bytes = readFileSync(path);
  bytes.writeFloatLE(Number.NaN, bytes.length - 400);
  return bytes;
}
