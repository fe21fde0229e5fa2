import {
  checkDataset,
  Dataset,
  Sample,
  scanFolder,
  writeWav,
  type CheckOptions,
  type Finding,
} from "@acewright/dataset";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

const song = (name: string, seconds: number, gain = 0.5): void => {
  writeWav(
    join(folder, name),
    [sine(Math.round(seconds * 8000), 8000, 440 + name.length, gain)],
    8000,
    "float32",
  );
};

function dataset(...samples: Partial<Sample>[]): Dataset {
  const whole = samples.map((sample, index) => {
    return { id: `id${index}`, filename: sample.audio_path, caption: "bells", labeled: true, ...sample };
  });
  return Dataset.parse({ metadata: {}, samples: whole });
}

function check(data: Dataset, options: CheckOptions = {}): Promise<Finding[]> {
  return checkDataset(data, { folder, ...options });
}

const brief = (findings: Finding[]): string[] =>
  findings.map(({ severity, code, sample }) => `${severity} ${code} ${sample ?? "-"}`);

describe("checking a dataset", () => {
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
    song("clipped.wav", 6, 1);
    writeFileSync(join(folder, "empty.wav"), "");
    writeFileSync(join(folder, "text.mp3"), "not music at all");
    copyFileSync(join(folder, "good.wav"), join(folder, "misnamed.mp3"));
    writeFileSync(join(folder, "nan.wav"), withNan(join(folder, "good.wav")));
    const names = ["good", "short", "tiny", "silent", "faint", "empty", "nan", "clipped"].map(
      (name) => `${name}.wav`,
    );
    const paths = [...names, "text.mp3", "gone.wav"];
    const findings = await check(dataset(...paths.map((audio_path) => ({ audio_path }))));
    expect(brief(findings)).toEqual([
      "warning too-short 1",
      "error too-short 2",
      "warning silent 3",
      "error empty 5",
      "error nan 6",
      "info clipped 7",
      "error unreadable 8",
      "error missing-file 9",
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
    const findings = await check(
      dataset(
        { audio_path: "a.wav", id: "x" },
        { audio_path: "b.wav", id: "x" },
        { audio_path: "other.wav", id: "y" },
      ),
    );
    expect(brief(findings)).toEqual(["error duplicate-id 1", "warning duplicate-audio 1"]);
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
      [{ keyscale: "H moll" }, ["info odd-key 0"]],
      [{ timesignature: "6" }, []],
      [{ timesignature: "5" }, ["info odd-time-signature 0"]],
      [{ language: "yue" }, []],
      [{ language: "english" }, ["warning odd-language 0"]],
      [{ duration: 6 }, []],
      [{ duration: 60 }, ["warning duration-differs 0"]],
    ];
    for (const [sample, wanted] of fields) {
      expect(brief(await check(dataset({ audio_path, ...sample }))), JSON.stringify(sample)).toEqual(wanted);
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
    const data = dataset({ audio_path: "a.wav", caption: "bells", lyrics: words(600), language: "de" });
    data.metadata.custom_tag = "zxc";
    expect(await check(data, { countTokens })).toEqual([]);
    expect(prompts[0]).toContain("# Caption\nzxc, bells\n");
    expect(prompts[1]).toContain("# Languages\nde\n");
    const official = await check(data, { countTokens, conditioning: "official" });
    expect(brief(official)).toEqual(["warning lyrics-too-long 0"]);
    expect(official[0]?.message).toMatch(/60\d tokens, 512 are read/);

    const wordy = dataset({ audio_path: "a.wav", caption: words(250), lyrics: words(2048) });
    const findings = await check(wordy, { countTokens: (text) => Promise.resolve(countTokens(text)) });
    expect(brief(findings)).toEqual(["warning caption-too-long 0", "warning lyrics-too-long 0"]);
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
      onProgress: ({ done }) => {
        seen.push(done);
        if (done === 1) controller.abort(new Error("enough"));
      },
    });
    await expect(checking).rejects.toThrow("enough");
    expect(seen).toEqual([0, 1]);
  });

  it("holds one song at a time, however many there are", async () => {
    const paths = Array.from({ length: 60 }, (_, index) => `${"x".repeat(index + 1)}.wav`);
    for (const path of paths) song(path, 20);
    const data = dataset(...paths.map((audio_path) => ({ audio_path })));
    await check(dataset({ audio_path: paths[0] ?? "" }));
    const before = process.memoryUsage().rss;
    let most = before;
    await check(data, { onProgress: () => (most = Math.max(most, process.memoryUsage().rss)) });
    // One song is 7.7 MB at 48 kHz, all sixty would be 461 MB. Songs that are done with wait for the collector, which on a
    // busy machine lets some fifteen of them gather: half of all tells the two apart.
    expect(most - before).toBeLessThan(230 * 10 ** 6);
  });
});

/** The bytes of a float WAV with one sample made NaN. */
function withNan(path: string): Buffer {
  const bytes = readFileSync(path);
  bytes.writeFloatLE(Number.NaN, bytes.length - 400);
  return bytes;
}
