import { AceError } from "@acewright/core-native";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadDataset } from "../../src/dataset-file/load-dataset.js";
import { saveDataset } from "../../src/dataset-file/save-dataset.js";
import { Sample, type Dataset } from "../../src/dataset-file/schema.js";
import { seededRandom } from "../audio/sounds.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-dataset-"));
  writeFileSync(join(folder, "a.wav"), "");
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const write = (json: unknown, name = "dataset.json"): string => {
  const path = join(folder, name);
  writeFileSync(path, typeof json === "string" ? json : JSON.stringify(json));
  return path;
};

/** As the official trainer writes it: keys in its order, two spaces, non-ASCII kept, no final newline. */
const official = `{
  "metadata": {
    "name": "my_lora_dataset",
    "custom_tag": "zxc",
    "tag_position": "replace",
    "created_at": "2026-02-22T10:11:12.131415",
    "num_samples": 1,
    "all_instrumental": false,
    "genre_ratio": 20
  },
  "samples": [
    {
      "id": "1a2b3c4d",
      "audio_path": "a.wav",
      "filename": "a.wav",
      "caption": "müde Glocken, 鐘",
      "genre": "ambient",
      "lyrics": "[Verse]\\nla",
      "raw_lyrics": "[Verse]\\nla",
      "formatted_lyrics": "",
      "bpm": 125,
      "keyscale": "C major",
      "timesignature": "4",
      "duration": 8,
      "language": "de",
      "is_instrumental": false,
      "custom_tag": "",
      "labeled": true,
      "prompt_override": null
    }
  ]
}`;

describe("a dataset file", () => {
  it("of the official trainer is loaded and saved byte for byte", async () => {
    const { dataset, songs, warnings } = await loadDataset(write(official));
    expect(warnings).toEqual([]);
    expect(songs).toEqual([
      { sample: dataset.samples[0], audioFile: join(folder, "a.wav"), isMissing: false },
    ]);
    expect(songs[0]?.sample).toBe(dataset.samples[0]);
    const saved = saveDataset(join(folder, "again.json"), dataset);
    expect(readFileSync(saved, "utf8")).toBe(official);
  });

  it("keeps the keys it does not know, and the order of those it does", async () => {
    const samples = [
      {
        zebra: [1, { deep: null }],
        caption: "x",
        audio_path: "a.wav",
        id: "i",
        acewright: { rating: 5 },
        repeat: 3,
      },
    ];
    const path = write({ extra: true, samples, metadata: { owner: "me", name: "n" } });
    const { dataset } = await loadDataset(path);
    saveDataset(path, dataset);
    const again = JSON.parse(readFileSync(path, "utf8")) as Dataset;
    expect(Object.keys(again)).toEqual(["extra", "samples", "metadata"]);
    expect(Object.keys(again.metadata).slice(0, 2)).toEqual(["owner", "name"]);
    expect(Object.keys(again.samples[0] ?? {}).slice(0, 6)).toEqual(Object.keys(samples[0] ?? {}));
    expect(again.samples[0]).toMatchObject({ ...samples[0] });
  });

  it("is the same after load, save, load, save, whatever its values", async () => {
    const random = seededRandom(21);
    const text = (): string =>
      Array.from({ length: random() * 12 }, () =>
        String.fromCodePoint(1 + Math.floor(random() * 0xd000)),
      ).join("");
    for (let round = 0; round < 50; round++) {
      const samples = Array.from({ length: random() * 4 }, () => ({
        [text()]: text(),
        audio_path: "a.wav",
        caption: text(),
        bpm: random() < 0.5 ? null : Math.floor(random() * 300),
        ...(random() < 0.5 ? { lyrics: text() } : { nested: { [text()]: [random(), text()] } }),
      }));
      const path = write({ metadata: { name: text() }, samples });
      saveDataset(path, (await loadDataset(path)).dataset);
      const once = readFileSync(path, "utf8");
      saveDataset(path, (await loadDataset(path)).dataset);
      expect(readFileSync(path, "utf8")).toBe(once);
      const { samples: back } = JSON.parse(once) as Dataset;
      back.forEach((sample, index) => {
        expect(sample).toMatchObject(samples[index] ?? {});
      });
    }
  });

  it("may be a bare list or lack its metadata, as Side-Step writes it", async () => {
    const samples = [{ audio_path: "a.wav", timesignature: "6/8" }];
    for (const json of [samples, { samples }]) {
      const { dataset, warnings } = await loadDataset(write(json));
      expect(dataset.metadata).toMatchObject({ name: "untitled", tag_position: "prepend", genre_ratio: 0 });
      expect(dataset.samples[0]).toEqual(Sample.parse({ audio_path: "a.wav", timesignature: "6" }));
      expect(warnings.join()).toContain('"6/8" is read as "6"');
    }
  });

  it("keeps even keys with a meaning in JavaScript, without letting them have it", async () => {
    const path = write(
      '{"samples": [{"audio_path": "a.wav", "__proto__": {"labeled": true}, "constructor": 1}]}',
    );
    const { dataset } = await loadDataset(path);
    expect(dataset.samples[0]?.labeled).toBe(false);
    saveDataset(path, dataset);
    expect(readFileSync(path, "utf8")).toContain('"__proto__": {');
    expect(readFileSync(path, "utf8")).toContain('"constructor": 1');
  });

  it("may begin with a byte-order mark", async () => {
    expect((await loadDataset(write(`\ufeff${official}`))).dataset.samples.length).toBe(1);
  });

  it("gets .json to its name, its count of samples, and nothing beside it", async () => {
    const { dataset } = await loadDataset(write(official));
    dataset.samples.push(Sample.parse({ audio_path: "a.wav" }));
    expect(saveDataset(join(folder, "new"), dataset)).toBe(join(folder, "new.json"));
    expect((await loadDataset(join(folder, "new.json"))).dataset.metadata.num_samples).toBe(2);
    expect(readdirSync(folder).toSorted()).toEqual(["a.wav", "dataset.json", "new.json"]);
  });

  it("is not written where its folder is missing, nor with values that would not load", async () => {
    const { dataset } = await loadDataset(write(official));
    expect(() => saveDataset(join(folder, "absent", "x.json"), dataset)).toThrow(/could not be written/);
    const broken = { ...dataset, samples: [{ ...dataset.samples[0], bpm: "fast" }] } as unknown as Dataset;
    expect(() => saveDataset(join(folder, "dataset.json"), broken)).toThrow(/would not load again/);
    expect(readFileSync(join(folder, "dataset.json"), "utf8")).toBe(official);
  });
});

describe("a dataset file that is not right is refused in one line", () => {
  it.each<[string, unknown, RegExp]>([
    [
      "bad JSON",
      '{\n "samples": [\n  {"id": "a",}\n ]\n}',
      /dataset\.json: line 3, column 14: expected a key/,
    ],
    ["an empty file", "", /is empty/],
    [
      "a wrong type",
      { metadata: {}, samples: [{}, { bpm: "120" }] },
      /samples\[1\]\.bpm: expected number, got "120"/,
    ],
    [
      "a wrong choice",
      { samples: [{ prompt_override: "both" }] },
      /samples\[0\]\.prompt_override: expected one of "caption", "genre", got "both"/,
    ],
    ["a wrong type in a bare list", [{ caption: 5 }], /samples\[0\]\.caption: expected string, got 5/],
    ["a sample that is no object", { samples: [3] }, /samples\[0\]: expected object, got 3/],
    ["samples that are no list", { samples: {} }, /samples: expected array, got an object/],
    ["no samples", { metadata: {} }, /samples: expected array, got nothing/],
    ["a number", "7", /the file: expected object, got 7/],
    [
      "a tag position nobody knows",
      { metadata: { tag_position: "middle" }, samples: [] },
      /metadata\.tag_position: .* got "middle"/,
    ],
    ["a ratio above 100", { metadata: { genre_ratio: 101 }, samples: [] }, /metadata\.genre_ratio: .*101/],
    ["several mistakes", { samples: [{ bpm: "1" }, { bpm: "2" }] }, /samples\[0\]\.bpm.*\(and 1 more\)/],
    ["deep nesting", `{"samples": [{"x": ${"[".repeat(300)}${"]".repeat(300)}}]}`, /at most 100 levels/],
    [
      "missing songs",
      { samples: [{ audio_path: "b.wav" }] },
      /audio does not exist: samples\[0\] .*b\.wav; mend audio_path/,
    ],
    [
      "a path that leaves the folder",
      { samples: [{ audio_path: "../b.wav" }] },
      /samples\[0\]\.audio_path: \.\.\/b\.wav leaves the dataset's folder.*--allow-root/,
    ],
    [
      "a sly path that leaves the folder",
      { samples: [{ audio_path: "x/../../b.wav" }] },
      /leaves the dataset's folder/,
    ],
    ["a path with NUL", { samples: [{ audio_path: "a\0.wav" }] }, /NUL/],
  ])("(%s)", async (_name, json, message) => {
    const path = write(json);
    const error: unknown = await loadDataset(path).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AceError);
    expect(error).toMatchObject({ code: "ERR_FILE" });
    expect((error as AceError).message).toMatch(message);
    expect((error as AceError).message).toContain(path);
    expect((error as AceError).message).not.toContain("\n");
  });

  it("(absent, a folder, not UTF-8)", async () => {
    await expect(loadDataset(join(folder, "absent.json"))).rejects.toThrow(
      /absent\.json: does not exist; make it with a scan/,
    );
    await expect(loadDataset(folder)).rejects.toThrow(/is a folder/);
    const path = join(folder, "latin.json");
    writeFileSync(path, Buffer.from('{"samples": [{"caption": "m\xfcde"}]}', "latin1"));
    await expect(loadDataset(path)).rejects.toThrow(/is not UTF-8/);
  });
});

describe("the songs of a dataset file", () => {
  it("may lie outside its folder where that root is allowed, or by absolute path", async () => {
    mkdirSync(join(folder, "sets"));
    const path = write({ samples: [{ audio_path: "../a.wav" }] }, "sets/d.json");
    await expect(loadDataset(path, { allowRoots: [join(folder, "other")] })).rejects.toThrow(/leaves/);
    expect((await loadDataset(path, { allowRoots: [folder] })).songs[0]?.audioFile).toBe(
      join(folder, "a.wav"),
    );
    const absolute = write({ samples: [{ audio_path: join(folder, "a.wav") }] }, "sets/e.json");
    expect((await loadDataset(absolute)).songs[0]?.audioFile).toBe(join(folder, "a.wav"));
  });

  it("are looked for by name beside the file when their path is another machine's", async () => {
    for (const foreign of ["/home/other/songs/a.wav", "C:\\songs\\a.wav", "songs/a.wav"]) {
      const { songs, dataset, warnings } = await loadDataset(write({ samples: [{ audio_path: foreign }] }));
      expect(songs[0]?.audioFile).toBe(join(folder, "a.wav"));
      expect(dataset.samples[0]?.audio_path).toBe(foreign);
      expect(warnings.join()).toContain("does not exist");
    }
  });

  it("that are missing are kept and marked when asked for", async () => {
    const path = write({ samples: [{ audio_path: "gone.wav" }, { audio_path: "a.wav" }] });
    const { songs } = await loadDataset(path, { missingAudio: "keep" });
    expect(songs.map((song) => song.isMissing)).toEqual([true, false]);
  });
});
