import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../src/main.js";
import { toyFolders } from "../src/models/toy.js";
import { recordingTerminal } from "./recording-terminal.js";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "acewright-dataset-"));
  file = join(folder, "dataset.json");
  cpSync(toyFolders().songs, join(folder, "songs"), { recursive: true });
  await run("dataset", "scan", join(folder, "songs"), "-o", file);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** One command line in this process. */
async function run(...args: string[]) {
  const terminal = recordingTerminal({ columns: 160 });
  const never = new AbortController().signal;
  const code = await main(args, { terminal, signal: never, stopNow: never });
  return { code, ...terminal.written };
}

interface File {
  metadata: Record<string, unknown>;
  samples: Record<string, unknown>[];
}
const read = (path = file): File => JSON.parse(readFileSync(path, "utf8")) as File;
const values = (key: string): unknown[] => read().samples.map((sample) => sample[key]);

test("`dataset set` changes the songs a filter picks; a dry run and an undo leave the file as it was", async () => {
  const before = readFileSync(file, "utf8");
  const change = ["dataset", "set", file, "--where", "caption~slow", "--genre", "ambient", "--bpm", "60"];
  const rehearsed = await run(...change, "--dry-run");
  expect(rehearsed).toMatchObject({ code: 0 });
  expect(rehearsed.out).toMatch(/bells-three\.ogg +bpm +107 +60/);
  expect(rehearsed.out).toMatch(/4 changes in 2 songs; nothing written \(--dry-run\)/);
  expect(readFileSync(file, "utf8")).toBe(before);

  expect((await run(...change)).out).toMatch(/4 changes in 2 songs; written/);
  expect(values("bpm").filter((bpm) => bpm === 60).length).toBe(2);
  expect(await run("dataset", "undo", file)).toMatchObject({ code: 0 });
  expect(readFileSync(file, "utf8")).toBe(before);
  expect(await run("dataset", "undo", file, "--redo")).toMatchObject({ code: 0 });
  expect(values("bpm").filter((bpm) => bpm === 60).length).toBe(2);
});

test("`dataset set` clears, replaces, and sets what holds for all", async () => {
  await run(
    "dataset",
    "set",
    file,
    "--clear",
    "keyscale,bpm",
    "--genre-ratio",
    "30",
    "--no-all-instrumental",
  );
  expect([values("keyscale"), values("bpm")]).toEqual([
    ["", "", ""],
    [null, null, null],
  ]);
  expect(read().metadata).toMatchObject({ genre_ratio: 30, all_instrumental: false });
  await run("dataset", "set", file, "--find", "bells", "--replace", "");
  expect(values("caption").join()).not.toContain("bells");
  await run("dataset", "set", file, "--where", "number=1", "--instrumental", "--prompt-override", "genre");
  expect(read().samples[0]).toMatchObject({
    is_instrumental: true,
    lyrics: "[Instrumental]",
    prompt_override: "genre",
  });
});

test("with --json a change is told in one object", async () => {
  const { out, code } = await run("dataset", "set", file, "--where", "number=2", "--repeat", "3", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({
    path: file,
    written: true,
    songs: 1,
    selected: 1,
    changes: [{ sample: 1, key: "repeat", after: 3 }],
  });
  const none = await run("dataset", "set", file, "--where", "bpm>299", "--repeat", "3");
  expect(none.out).toBe("nothing changes: no song meets the filter\n");
});

test("`dataset tags` sets, adds, removes, clears and lists", async () => {
  await run("dataset", "tags", "set", file, "zxc", "--position", "append");
  expect(read().metadata).toMatchObject({ custom_tag: "zxc", tag_position: "append" });
  await run("dataset", "tags", "add", file, "live", "--where", "number=1");
  expect(values("custom_tag")).toEqual(["zxc, live", "", ""]);
  const { out } = await run("dataset", "tags", "list", file, "--json");
  expect(JSON.parse(out)).toEqual({
    tag: "zxc",
    position: "append",
    counts: [
      { tag: "zxc, live", songs: 1 },
      { tag: "zxc", songs: 2 },
    ],
  });
  expect((await run("dataset", "tags", "list", file)).out).toMatch(
    /zxc, live +1\n.*of the dataset: zxc \(append\)/s,
  );
  await run("dataset", "tags", "remove", file, "live", "--where", "number=1");
  await run("dataset", "tags", "clear", file);
  expect([read().metadata["custom_tag"], values("custom_tag")]).toEqual(["", ["zxc", "", ""]]);
});

test("`dataset show` lists what a filter picks, and writes it to a file of its own", async () => {
  const part = join(folder, "parts", "slow.json");
  mkdirSync(join(folder, "parts"));
  const { out } = await run("dataset", "show", file, "--where", "caption~slow", "-o", part);
  expect(out).toMatch(/^1 +bells-one\.flac/m);
  expect(out).toMatch(/2 of 3 songs/);
  expect(read(part).samples.length).toBe(2);
  expect(await run("dataset", "check", part, "--no-decode")).toMatchObject({ code: 0 });
});

test("`dataset mix` weighs datasets", async () => {
  const one = join(folder, "one.json");
  const both = join(folder, "both.json");
  await run("dataset", "show", file, "--where", "number=1", "-o", one);
  const { out, code } = await run("dataset", "mix", file, `${one}:1`, "--balance", "-o", both);
  expect(code).toBe(0);
  expect(out).toMatch(/one\.json +1 +50\.0 %/);
  expect(read(both).samples.map((sample) => sample["repeat"] ?? 1)).toEqual([1, 1, 1, 3]);
});

test("`dataset clean-lyrics` cleans a folder and a dataset", async () => {
  const songs = join(folder, "songs");
  const lyrics = readdirSync(songs).find((name) => name.endsWith(".lyrics.txt")) ?? "";
  writeFileSync(join(songs, lyrics), "[ti:x]\n[00:01.00]la\n[00:02.00]lu\n");
  const rehearsed = await run("dataset", "clean-lyrics", songs, "--dry-run");
  expect(rehearsed.out).toMatch(/1 of \d files had stamps; nothing written/);
  expect(await run("dataset", "clean-lyrics", songs)).toMatchObject({ code: 0 });
  expect(readFileSync(join(songs, lyrics), "utf8")).toBe("la\nlu\n");
  expect(existsSync(join(songs, lyrics.replace(".lyrics.txt", ".lrc")))).toBe(true);
  await run("dataset", "set", file, "--where", "number=1", "--lyrics", "[00:01.00]la");
  expect(await run("dataset", "clean-lyrics", file)).toMatchObject({ code: 0 });
  expect(read().samples[0]).toMatchObject({
    lyrics: "la",
    acewright: { lyric_lines: [{ start_s: 1, text: "la" }] },
  });
});

test("`dataset scan` says how the table fits, and sets repeats by folder", async () => {
  writeFileSync(join(folder, "songs/table.csv"), "File,BPM\nBells-one.flac,100\nbells-two.ogg,fast\n");
  const scanned = await run("dataset", "scan", join(folder, "songs"), "-o", file, "--folder-repeats", ".=2");
  expect(scanned.code).toBe(0);
  expect(scanned.err).toMatch(
    /table\.csv line 2: Bells-one\.flac names no song; did you mean bells-one\.flac\?/,
  );
  expect(scanned.err).toMatch(/line 3: bpm "fast" of bells-two\.ogg is no number/);
  expect(scanned.err).toMatch(/1 of 3 songs have a row/);
  expect(values("repeat")).toEqual([2, 2, 2]);
});

test.each([
  [["set", "FILE"], /nothing to change/],
  [["set", "FILE", "--bpm", "20"], /--bpm takes a whole number from 30 to 300, got "20"/],
  [["set", "FILE", "--clear", "tempo"], /--clear takes fields of .*, got "tempo"/],
  [["set", "FILE", "--replace", "x"], /--replace needs --find/],
  [["set", "FILE", "--where", "tempo>3", "--bpm", "60"], /names the field "tempo", which no sample has/],
  [["set", "absent.json", "--bpm", "60"], /absent\.json: does not exist; make it with a scan/],
  [["tags", "add", "FILE"], /missing required argument 'tag'/],
  [
    ["tags", "set", "FILE", "x", "--position", "middle"],
    /--position takes one of prepend, append, replace, got "middle"/,
  ],
  [["mix", "FILE:0", "-o", "FILE"], /weight: a whole number/],
  [["mix", "FILE"], /required option '-o, --output <file>' not specified/],
  [["undo", "absent.json"], /nothing can be undone/],
  [["undo", "FILE", "--redo"], /no undo can be taken back/],
  [["clean-lyrics", "absent"], /absent: does not exist/],
  [["scan", "SONGS", "--folder-repeats", "x"], /takes FOLDER=COUNT pairs, got "x"/],
  [["scan", "SONGS", "--folder-repeats", "absent=2"], /absent: holds no song of the dataset/],
])(
  "`acewright dataset %j` ends with one line and exit code 2, and changes nothing",
  async (words, message) => {
    const before = readFileSync(file, "utf8");
    const args = words.map((word) => word.replace("FILE", file).replace("SONGS", join(folder, "songs")));
    const { code, err } = await run("dataset", ...args);
    expect(err.trimEnd().split("\n").at(-1)).toMatch(message);
    expect(code).toBe(2);
    expect(readFileSync(file, "utf8")).toBe(before);
  },
);

test("check tells by severity, in words and as JSON, and ends as --fail-on says", async () => {
  const songs = join(folder, "songs");
  const json = await run("dataset", "check", songs, "--no-decode", "--json");
  const { ok, counts, findings } = JSON.parse(json.out) as {
    ok: boolean;
    counts: Record<string, number>;
    findings: { code: string; severity: string; fix: string }[];
  };
  expect(json.code).toBe(0);
  expect(ok).toBe(true);
  expect(counts["error"]).toBe(0);
  expect(counts["info"]).toBe(findings.length);
  const failing = await run("dataset", "check", songs, "--no-decode", "--fail-on", "info");
  expect(failing.code).toBe(2);
  expect(failing.out).toMatch(/severity +finding +songs/);
  expect(failing.err).toMatch(/findings must be mended \(info or worse\)/);

  // What a scan skips is an error of a folder's check.
  writeFileSync(join(songs, "broken.wav"), "RIFF");
  const broken = await run("dataset", "check", songs, "--no-decode");
  expect(broken.code).toBe(2);
  expect(broken.out).toMatch(/error unreadable: broken\.wav/);
});
