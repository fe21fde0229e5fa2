import { cleanDatasetLyrics, cleanLyricsFiles } from "@acewright/dataset";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseDataset } from "../../src/dataset-file/load-dataset.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-clean-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function lay(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

const read = (name: string): string => readFileSync(join(folder, name), "utf8");
const stamped = "\ufeff[ti:x]\r\n[00:01.00]la\r\n[00:02.00]lu\r\n";

test("lyrics files lose their stamps, which stay beside as .lrc", async () => {
  lay({ "a.lyrics.txt": stamped, "sub/b.txt": stamped, "plain.txt": "la\n\nlu\n", "c.caption.txt": stamped });
  const { files, cleaned, warnings } = await cleanLyricsFiles(folder);
  expect({ files, warnings }).toEqual({ files: 3, warnings: [] });
  expect(cleaned).toEqual([
    { path: join(folder, "a.lyrics.txt"), timing: join(folder, "a.lrc"), lines: 2 },
    { path: join(folder, "sub/b.txt"), timing: join(folder, "sub/b.lrc"), lines: 2 },
  ]);
  expect(read("a.lyrics.txt")).toBe("la\nlu\n");
  expect(read("a.lrc")).toBe(stamped);
  expect(read("plain.txt")).toBe("la\n\nlu\n");
  expect(read("c.caption.txt")).toBe(stamped);
  expect((await cleanLyricsFiles(folder)).cleaned).toEqual([]);
});

test("a .lrc gets its lyrics file where there is none, and stays", async () => {
  lay({ "a.lrc": stamped, "b.lrc": stamped, "b.txt": "own words", "c.lrc": stamped, "c.lyrics.txt": "" });
  await cleanLyricsFiles(folder);
  expect(read("a.lyrics.txt")).toBe("la\nlu\n");
  expect(read("c.lyrics.txt")).toBe("la\nlu\n");
  expect(readdirSync(folder)).not.toContain("b.lyrics.txt");
  expect(read("a.lrc")).toBe(stamped);
});

test("where there is a .lrc already, what a file held is kept as its backup", async () => {
  lay({ "a.lrc": "[00:01.00]other", "a.txt": stamped });
  const { cleaned } = await cleanLyricsFiles(join(folder, "a.txt"));
  expect(cleaned).toEqual([{ path: join(folder, "a.txt"), timing: join(folder, "a.txt.bak"), lines: 2 }]);
  expect([read("a.txt"), read("a.txt.bak"), read("a.lrc")]).toEqual(["la\nlu\n", stamped, "[00:01.00]other"]);
});

test("a Side-Step sidecar keeps its keys", async () => {
  lay({ "a.txt": "caption: bells\nbpm: 120\nlyrics:\n[00:01.00]la\n[00:02.00]lu\n" });
  await cleanLyricsFiles(folder);
  expect(read("a.txt")).toBe("caption: bells\nbpm: 120\nlyrics:\nla\nlu\n");
  expect(read("a.lrc")).toBe("[00:01.00]la\n[00:02.00]lu\n");
});

// The stamps are in one place only for a moment: the copy is a whole new file, never one that is written through a link.
test.skipIf(process.platform === "win32")(
  "a .lrc that is a link to nowhere is replaced, not followed",
  async () => {
    const elsewhere = join(folder, "elsewhere");
    lay({ "songs/a.txt": stamped });
    symlinkSync(elsewhere, join(folder, "songs", "a.lrc"));
    await cleanLyricsFiles(join(folder, "songs", "a.txt"));
    expect(existsSync(elsewhere)).toBe(false);
    expect([read("songs/a.txt"), read("songs/a.lrc")]).toEqual(["la\nlu\n", stamped]);
  },
);

test("a .lrc without stamps or without words is left, told, and gets no lyrics file", async () => {
  lay({ "plain.lrc": "la\n", "wordless.lrc": "[ti:x]\n[00:01.00]\n", "sidecar.lrc": stamped });
  lay({ "sidecar.txt": "caption: bells\n" });
  const { cleaned, warnings } = await cleanLyricsFiles(folder);
  expect(warnings).toEqual([
    `${join(folder, "plain.lrc")}: holds no stamp; rename it to .lyrics.txt if it is lyrics`,
    `${join(folder, "wordless.lrc")}: holds no words`,
  ]);
  // Keys without lyrics are no words of the song.
  expect(cleaned.map(({ path }) => path)).toEqual([join(folder, "sidecar.lyrics.txt")]);
  expect(readdirSync(folder)).toHaveLength(5);
});

test("files are looked at folder by folder, each is told, and a stop ends it before the next", async () => {
  lay({ "b/a.txt": "la", "b.txt": stamped, "a/z.txt": "la", "c.txt": stamped });
  const seen: string[] = [];
  const stop = new AbortController();
  const onProgress = ({ done, total, path }: { done: number; total: number; path: string }): void => {
    seen.push(`${done}/${total} ${relative(folder, path)}`);
    if (done === 3) stop.abort(new Error("enough"));
  };
  await expect(cleanLyricsFiles(folder, { onProgress, signal: stop.signal })).rejects.toThrow("enough");
  expect(seen).toEqual(["1/4 b.txt", "2/4 c.txt", `3/4 ${join("a", "z.txt")}`]);
});

test("a dry run writes nothing; stamps without words are left and told", async () => {
  lay({ "a.txt": stamped, "empty.txt": "[00:01.00]\n", "sung.lrc": stamped });
  const { cleaned, warnings } = await cleanLyricsFiles(folder, { dryRun: true });
  expect(cleaned.length).toBe(2);
  expect(warnings.join()).toMatch(/empty\.txt: holds stamps and no words/);
  expect(readdirSync(folder).sort()).toEqual(["a.txt", "empty.txt", "sung.lrc"]);
  expect(read("a.txt")).toBe(stamped);
});

test("what is neither folder nor lyrics is refused", async () => {
  lay({ "a.wav": "" });
  await expect(cleanLyricsFiles(join(folder, "absent"))).rejects.toThrow(
    /absent: does not exist; name a folder/,
  );
  await expect(cleanLyricsFiles(join(folder, "a.wav"))).rejects.toThrow(/a\.wav: is no lyrics file/);
});

test("lyrics of a dataset that are stamps and no words stay", () => {
  const { dataset } = parseDataset(JSON.stringify({ samples: [{ lyrics: "[00:01.00]" }] }), "x");
  expect(cleanDatasetLyrics(dataset)).toEqual({ dataset, changes: [] });
});

test("lyrics of a dataset are cleaned in it, with the times beside", () => {
  const samples = [
    { lyrics: "[00:01.00]la", raw_lyrics: "[00:01.00]la", acewright: { artist: "Ann" } },
    { lyrics: "la" },
  ];
  const { dataset } = parseDataset(JSON.stringify({ samples }), "x");
  const cleaned = cleanDatasetLyrics(dataset);
  expect(cleaned.dataset.samples[0]).toMatchObject({
    lyrics: "la",
    raw_lyrics: "la",
    acewright: { artist: "Ann", lyric_lines: [{ start_s: 1, text: "la" }] },
  });
  expect(cleaned.changes.map(({ sample, key }) => [sample, key])).toEqual(
    [
      [0, "acewright"],
      [0, "lyrics"],
      [0, "raw_lyrics"],
    ].sort(
      (a, b) =>
        cleaned.changes.findIndex(({ key }) => key === a[1]) -
        cleaned.changes.findIndex(({ key }) => key === b[1]),
    ),
  );
  expect(dataset.samples[0]?.lyrics).toBe("[00:01.00]la");
});
