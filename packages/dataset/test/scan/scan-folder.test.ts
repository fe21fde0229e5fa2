import { AceError } from "@acewright/core-native";
import { scanFolder, writeWav, type ScanOptions, type ScanReport, type Dataset } from "@acewright/dataset";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sine } from "../audio/sounds.js";

const toy = fileURLToPath(new URL("../../../../tools/reference/toy/adapt", import.meta.url));
const fixtures = fileURLToPath(new URL("../fixtures/audio", import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-scan-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Lays out a folder: a number is a song of so many seconds, text is a file. */
function lay(files: Record<string, number | string | Uint8Array>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    if (typeof content === "number") writeWav(path, [sine(content * 8000, 8000, 440)], 8000);
    else writeFileSync(path, content);
  }
}

async function scan(options?: ScanOptions): Promise<{ dataset: Dataset; report: ScanReport }> {
  return scanFolder(folder, options);
}

/** The one song of a small folder, and what was said about it. */
async function scanOne(files: Record<string, string | Uint8Array>) {
  lay({ "song.wav": 1, ...files });
  const { dataset, report } = await scan();
  expect(dataset.samples.length).toBe(1);
  return { sample: dataset.samples[0], warnings: report.warnings, report };
}

describe("scanning the toy songs", () => {
  it("finds the three with everything their sidecars say", async () => {
    const { dataset, report } = await scanFolder(toy, {
      name: "bells",
      customTag: "zxc",
      tagPosition: "append",
    });
    expect(report).toEqual({
      files: 3,
      skipped: [],
      csv: { unmatchedRows: [], unmatchedSongs: [], matchedSongs: 0 },
      warnings: [],
    });
    expect(dataset.metadata).toMatchObject({
      name: "bells",
      custom_tag: "zxc",
      tag_position: "append",
      num_samples: 3,
    });
    expect(dataset.metadata.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+$/);
    expect(dataset.samples.map((sample) => sample.filename)).toEqual([
      "bells-one.flac",
      "bells-three.ogg",
      "bells-two.ogg",
    ]);
    expect(dataset.samples[1]).toMatchObject({
      audio_path: join(toy, "bells-three.ogg"),
      caption: "slow bells arpeggio in 7/8 with shaker in A phrygian",
      lyrics: "[Verse]\ntoy bells\nseven to the end",
      raw_lyrics: "[Verse]\ntoy bells\nseven to the end",
      bpm: 107,
      keyscale: "A phrygian",
      timesignature: "7",
      duration: 9,
      language: "en",
      is_instrumental: false,
      labeled: true,
    });
  });

  it("gives each song the same id on every scan, and every song its own", async () => {
    const first = (await scanFolder(toy)).dataset.samples.map((sample) => sample.id);
    const second = (await scanFolder(toy)).dataset.samples.map((sample) => sample.id);
    expect(first).toEqual(second);
    expect(new Set(first).size).toBe(3);
    for (const id of first) expect(id).toMatch(/^[0-9a-f]{8}$/);
  });

  it("measures each format without decoding", async () => {
    for (const name of ["sweep-44100.mp3", "sweep.opus", "sweep-44100.ogg", "sweep-16.flac"]) {
      cpSync(join(fixtures, name), join(folder, name));
    }
    lay({ "three.wav": 3 });
    const { dataset, report } = await scan();
    expect(dataset.samples.map((sample) => sample.duration)).toEqual([0, 0, 0, 0, 3]);
    expect(report.skipped).toEqual([]);
  });
});

describe("the walk of a scan", () => {
  it("goes into folders and takes songs by extension, whatever its case, in order of code points", async () => {
    lay({
      "b.WAV": 1,
      "a/z.wav": 1,
      "a.wav": 1,
      "Z.wav": 1,
      "é.wav": 1,
      "\u{1f3b5}.wav": 1,
      "\uff21.wav": 1,
      "notes.md": "x",
    });
    const { dataset } = await scan();
    const names = dataset.samples.map((sample) => sample.audio_path.slice(folder.length + 1));
    expect(names).toEqual(["Z.wav", "a.wav", "a/z.wav", "b.WAV", "é.wav", "\uff21.wav", "\u{1f3b5}.wav"]);
  });

  it("follows links and ends on circles", async () => {
    lay({ "inside/song.wav": 1 });
    const elsewhere = mkdtempSync(join(tmpdir(), "acewright-elsewhere-"));
    writeWav(join(elsewhere, "far.wav"), [sine(8000, 8000, 440)], 8000);
    symlinkSync(elsewhere, join(folder, "link"));
    symlinkSync(folder, join(folder, "inside", "circle"));
    symlinkSync(join(folder, "inside", "song.wav"), join(folder, "alias.wav"));
    symlinkSync(join(folder, "nowhere"), join(folder, "broken.wav"));
    const { dataset, report } = await scan();
    const names = dataset.samples.map((sample) => sample.audio_path.slice(folder.length + 1));
    expect(names).toEqual(["alias.wav", "inside/song.wav", "link/far.wav"]);
    expect(report.skipped).toEqual([{ path: join(folder, "broken.wav"), reason: "link leads nowhere" }]);
    rmSync(elsewhere, { recursive: true });
  });

  it("skips what cannot be read, says why, and goes on", async () => {
    lay({
      "a.wav": 1,
      "empty.mp3": "",
      "text.flac": "not music",
      "._a.wav": "mac",
      "cut.wav": "RIFF\0\0\0\0WAVE",
    });
    mkdirSync(join(folder, "folder.wav"));
    const { dataset, report } = await scan();
    expect(dataset.samples.map((sample) => sample.filename)).toEqual(["a.wav"]);
    expect(report.files).toBe(4);
    const reasons = Object.fromEntries(
      report.skipped.map(({ path, reason }) => [path.slice(folder.length + 1), reason]),
    );
    expect(reasons).toEqual({
      "._a.wav": "macOS side file, not a song",
      "empty.mp3": "is empty (0 bytes); export the song again",
      "text.flac": expect.stringContaining("is not an audio file") as string,
      "cut.wav": expect.stringContaining("ends before its format") as string,
    });
  });

  it("says in one line that a folder is missing, is a file, or holds no song", async () => {
    lay({ "x.txt": "y" });
    for (const [path, message] of [
      [join(folder, "absent"), /absent: does not exist/],
      [join(folder, "x.txt"), /x\.txt: is a file/],
      [folder, /holds no song \(\.wav/],
    ] as const) {
      const error: unknown = await scanFolder(path).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(AceError);
      expect(error).toMatchObject({ code: "ERR_FILE" });
      expect((error as Error).message).toMatch(message);
    }
    await expect(scanFolder(toy, { genreRatio: 120 })).rejects.toMatchObject({ code: "ERR_CONFIG" });
  });

  it("tells its progress and stops on abort", async () => {
    const seen: string[] = [];
    const controller = new AbortController();
    const scanning = scanFolder(toy, {
      signal: controller.signal,
      onProgress: ({ done, total, path }) => {
        seen.push(`${done}/${total} ${path.slice(toy.length + 1)}`);
      },
    });
    await scanning;
    expect(seen.map((line) => line.slice(0, 3))).toEqual(["1/3", "2/3", "3/3"]);
    expect(seen.map((line) => line.slice(4)).sort()).toEqual([
      "bells-one.flac",
      "bells-three.ogg",
      "bells-two.ogg",
    ]);
  });

  it("stops on abort while it walks, and also after the last song", async () => {
    // No song is there yet that could be asked for.
    await expect(scan({ signal: AbortSignal.abort(new Error("at once")) })).rejects.toThrow("at once");
    lay({ "song.wav": 1 });
    const controller = new AbortController();
    const onProgress = (): void => {
      controller.abort(new Error("at the last"));
    };
    await expect(scan({ signal: controller.signal, onProgress })).rejects.toThrow("at the last");
  });

  it("notes when it was made in local time, as the official trainer does", async () => {
    vi.stubEnv("TZ", "Asia/Tokyo");
    lay({ "song.wav": 1 });
    const { created_at: made } = (await scan()).dataset.metadata;
    vi.unstubAllEnvs();
    expect(made).toMatch(/^[-\d]{10}T[:\d]{8}\.\d{3}$/);
    expect(Math.abs(Date.parse(`${made}+09:00`) - Date.now())).toBeLessThan(60_000);
  });

  it("takes folders' repeats, skips a song without samples, and tells a record that is none", async () => {
    lay({ "a/one.wav": 1, "b.wav": 1, "none.wav": 0, "acewright-annotations.json": "[]" });
    const { dataset, report } = await scan({ folderRepeats: { a: 3 } });
    expect(dataset.samples.map(({ filename, repeat }) => [filename, repeat])).toEqual([
      ["one.wav", 3],
      ["b.wav", undefined],
    ]);
    expect(report.skipped).toEqual([{ path: join(folder, "none.wav"), reason: "holds no audio samples" }]);
    expect(report.warnings).toEqual([
      `${join(folder, "acewright-annotations.json")}: is no record of annotations; move it away`,
    ]);
  });

  it("names the place of a record where it is none, and scans without it", async () => {
    lay({
      "b.wav": 1,
      "acewright-annotations.json": JSON.stringify({ songs: { "b.wav": { caption: null } } }),
    });
    const { dataset, report } = await scan();
    expect(dataset.samples).toHaveLength(1);
    expect(report.warnings).toEqual([
      `${join(folder, "acewright-annotations.json")}: is no record of annotations (songs.b.wav.caption); move it away`,
    ]);
  });

  it("stops on abort, before the songs it has not begun", async () => {
    lay(Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`${index}.wav`, 1])));
    const controller = new AbortController();
    let read = 0;
    const scanning = scan({
      signal: controller.signal,
      onProgress: () => {
        read++;
        controller.abort(new Error("enough"));
      },
    });
    await expect(scanning).rejects.toThrow("enough");
    expect(read).toBeLessThan(40);
  });
});

describe("the lyrics of a scanned song", () => {
  it("come from .lyrics.txt first, then from .txt; an empty file counts as absent", async () => {
    const one = await scanOne({ "song.lyrics.txt": " la la \r\nlu\r\n", "song.txt": "other" });
    expect(one.sample).toMatchObject({
      lyrics: "la la \nlu",
      raw_lyrics: "la la \nlu",
      is_instrumental: false,
    });
    const two = await scanOne({ "song.lyrics.txt": "  \n", "song.txt": "other" });
    expect(two.sample).toMatchObject({ lyrics: "other", is_instrumental: false, labeled: false });
  });

  it("are [Instrumental] when there are none, also when a language is given", async () => {
    const none = await scanOne({});
    expect(none.sample).toMatchObject({
      lyrics: "[Instrumental]",
      raw_lyrics: "",
      is_instrumental: true,
      caption: "",
      labeled: false,
    });
    const spoken = await scanOne({ "song.json": '{"language": "de"}' });
    expect(spoken.sample).toMatchObject({ lyrics: "[Instrumental]", language: "de", is_instrumental: false });
    const instrumental = await scanOne({ "song.json": '{"language": "instrumental"}' });
    expect(instrumental.sample).toMatchObject({ language: "unknown", is_instrumental: true });
  });

  it("give way to the switch for all songs, unless they come from a file", async () => {
    lay({ "sung.wav": 1, "sung.txt": "la", "plain.wav": 1, "plain.json": '{"language": "de"}' });
    const on = (await scan({ allInstrumental: true })).dataset;
    expect(on.samples.map((sample) => sample.is_instrumental)).toEqual([true, false]);
    expect(on.samples[0]?.language).toBe("unknown");
    const off = (await scan({ allInstrumental: false })).dataset;
    expect(off.samples.map((sample) => sample.is_instrumental)).toEqual([false, false]);
  });

  it("may be UTF-16 or begin with a byte-order mark; bad bytes are replaced and told", async () => {
    const wide = await scanOne({ "song.txt": Buffer.from("\ufefflä lä", "utf16le") });
    expect(wide.sample?.lyrics).toBe("lä lä");
    const marked = await scanOne({ "song.txt": "\ufefflä lä" });
    expect(marked.sample?.lyrics).toBe("lä lä");
    const latin = await scanOne({ "song.txt": Buffer.from("l\xe4", "latin1") });
    expect(latin.sample?.lyrics).toBe("l\ufffd");
    expect(latin.warnings.join()).toMatch(/song\.txt: has bytes that are not utf-8/);
    const binary = await scanOne({ "song.txt": "a\0b" });
    expect(binary.sample?.is_instrumental).toBe(true);
    expect(binary.warnings.join()).toMatch(/not a text file/);
  });
});

describe("the caption and metadata of a scanned song", () => {
  const caption = { "song.caption.txt": " from text \n" };
  const json = {
    "song.json": '{"caption": "from json", "bpm": 100, "keyscale": "A minor", "timesignature": "6/8"}',
  };
  const csv = { "table.csv": "File,BPM,Key,caption\nsong.wav,127.9,C major,from table\n" };

  it("come from the table, then the json, then the text", async () => {
    expect((await scanOne(caption)).sample).toMatchObject({ caption: "from text", labeled: true, bpm: null });
    expect((await scanOne(json)).sample).toMatchObject({
      caption: "from json",
      bpm: 100,
      keyscale: "A minor",
      timesignature: "6",
    });
    expect((await scanOne(csv)).sample).toMatchObject({
      caption: "from table",
      bpm: 127,
      keyscale: "C major",
      timesignature: "6",
    });
  });

  it("are not overridden by nothing", async () => {
    const { sample } = await scanOne({
      ...caption,
      "song.json": '{"caption": "", "bpm": 99, "keyscale": "A minor"}',
      "table.csv": "File,BPM,Key,caption\nsong.wav,0,,\n",
    });
    expect(sample).toMatchObject({ caption: "from text", bpm: 99, keyscale: "A minor" });
  });

  it("come from a Side-Step sidecar too, which is not taken for lyrics", async () => {
    const text =
      "caption: bells\ngenre: ambient\nbpm: 125\nkey: E minor\nsignature: 4/4\nrepeat: 2\ncustom_tag: own\nlyrics:\n[Instrumental]\n";
    const { sample } = await scanOne({ "song.txt": text });
    expect(sample).toMatchObject({
      caption: "bells",
      genre: "ambient",
      bpm: 125,
      keyscale: "E minor",
      timesignature: "4",
      custom_tag: "own",
      repeat: 2,
      lyrics: "[Instrumental]",
      is_instrumental: true,
    });
    for (const prompt_override of ["caption", "genre"]) {
      const chosen = await scanOne({ "song.txt": `caption: bells\nprompt_override: ${prompt_override}\n` });
      expect(chosen.sample).toMatchObject({ prompt_override });
    }
    const sung = await scanOne({ "song.txt": "caption: bells\nlyrics:\nla la\n" });
    expect(sung.sample).toMatchObject({ caption: "bells", lyrics: "la la", is_instrumental: false });
  });

  it.each([
    [
      "a broken json",
      "{\n  bpm: 3\n}",
      /song\.json: is no JSON \(line 2, column 3: expected a key in double quotes.*ignored/,
    ],
    ["a list", "[1]", /song\.json: an object was expected; ignored/],
    [
      "keys nobody reads",
      '{"lyrics": "x", "bmp": 3}',
      /song\.json: "lyrics", "bmp" not read; known are caption/,
    ],
    ["a value of the wrong kind", '{"caption": {"en": "x"}}', /song\.json: "caption" is no text; ignored/],
  ])("warn of %s", async (_name, text, message) => {
    const { sample, warnings } = await scanOne({ "song.json": text });
    expect(warnings.join("\n")).toMatch(message);
    expect(sample).toMatchObject({ caption: "", labeled: false });
  });
});

describe("the tables of a scan", () => {
  it("are matched by name, and what does not match is reported", async () => {
    lay({
      "a.wav": 1,
      "b.wav": 1,
      "one.csv": "File,caption\na.wav,from one\nghost.wav,x\nA.wav,wrong case\n",
      "two.csv": "File;caption\na.wav;from two\n",
      "sub/three.csv": "File,caption\nb.wav,not looked at\n",
      "other.csv": "Name,Price\nx,1\n",
    });
    const { dataset, report } = await scan();
    expect(dataset.samples.map((sample) => sample.caption)).toEqual(["from two", ""]);
    const table = join(folder, "one.csv");
    expect(report.csv).toEqual({
      unmatchedRows: [
        { table, line: 3, file: "ghost.wav" },
        { table, line: 4, file: "A.wav", similar: join(folder, "a.wav") },
      ],
      unmatchedSongs: [join(folder, "b.wav")],
      matchedSongs: 1,
    });
    expect(report.warnings.join()).toMatch(/other\.csv: has no column named "File"; ignored/);
  });

  it("match names whichever way their accents are written", async () => {
    lay({ ["e\u0301.wav"]: 1, "t.csv": "File,caption\n\u00e9.wav,found\n" });
    expect((await scan()).dataset.samples[0]?.caption).toBe("found");
  });

  it("and sidecars that several songs share are told", async () => {
    lay({ "x/a.wav": 1, "y/a.wav": 1, "t.csv": "File,caption\na.wav,both\n" });
    cpSync(join(fixtures, "sweep.opus"), join(folder, "x", "a.opus"));
    cpSync(join(fixtures, "sweep.opus"), join(folder, "y", "a.opus"));
    lay({ "x/a.txt": "la" });
    const { report, dataset } = await scan();
    expect(dataset.samples.map((sample) => sample.caption)).toEqual(["", "both", "", "both"]);
    expect(report.warnings.filter((line) => line.includes("share")).length).toBe(2);
    expect(report.warnings.join("\n")).toMatch(/x\/a\.opus, .*x\/a\.wav: share their sidecar files/);
    expect(report.warnings.join("\n")).toMatch(/x\/a\.wav, .*y\/a\.wav: share one table row/);
  });
});
