import { scanFolder, type Sample } from "@acewright/dataset";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ByteSource } from "../../src/audio/byte-source.js";
import { mayHoldWavTags } from "../../src/audio/wav-tags.js";
import { sine } from "../audio/sounds.js";
import { fmt, join as joined, riff, samples } from "../audio/wave-files.js";
import { id3, withComments } from "./tagged-files.js";

const fixture = (name: string): Uint8Array =>
  readFileSync(fileURLToPath(new URL(`../fixtures/audio/${name}`, import.meta.url)));
const tag = { TIT2: "Glöckchen", TPE1: "Ann", TBPM: "128", TKEY: "F#m", USLT: "la\r\nlu" };
const said = { bpm: 128, keyscale: "F# minor", acewright: { artist: "Ann", title: "Glöckchen" } };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-tags-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function scanOne(files: Record<string, Uint8Array | string>, options = {}) {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const { dataset, report } = await scanFolder(folder, options);
  return { sample: dataset.samples[0] as Sample, warnings: report.warnings };
}

const wave = riff([
  fmt({ channels: 1, rateHz: 8000 }),
  { id: "data", body: samples([sine(8000, 8000, 440)], "s16") },
  { id: "id3 ", body: id3(tag) },
]);
const comments = ["TITLE=Glöckchen", "artist=Ann", "BPM=128", "INITIALKEY=F#m", "LYRICS=la\nlu"];

test.each<[string, Uint8Array]>([
  ["song.mp3", joined(id3(tag), fixture("sweep-no-tag.mp3"))],
  ["song.wav", wave],
  ["misnamed.flac", wave],
  ["song.flac", withComments(fixture("sweep-16.flac"), comments)],
])("the tags inside %s are read", async (name, bytes) => {
  const { sample } = await scanOne({ [name]: bytes });
  expect(sample).toMatchObject({ ...said, lyrics: "la\nlu", is_instrumental: false, labeled: false });
});

test("files beside the song beat its tags, and they can be left alone", async () => {
  const song = { "song.wav": wave };
  const beside = {
    "song.json": '{"bpm": 90}',
    "song.txt": "own words",
    "t.csv": "File,Key\nsong.wav,C major\n",
  };
  expect((await scanOne({ ...song, ...beside })).sample).toMatchObject({
    bpm: 90,
    keyscale: "C major",
    lyrics: "own words",
    acewright: said.acewright,
  });
  rmSync(folder, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), "acewright-tags-"));
  const { sample } = await scanOne(song, { tags: false });
  expect(sample).toMatchObject({ bpm: null, keyscale: "", lyrics: "[Instrumental]" });
  expect(sample).not.toHaveProperty("acewright");
});

test("LRC lyrics are cleaned and timed, whether they stand in a tag, a .lrc or a lyrics file", async () => {
  const lrc = "[00:01.00]la\n[00:02.00]lu";
  const timed = {
    lyric_lines: [
      { start_s: 1, text: "la" },
      { start_s: 2, text: "lu" },
    ],
  };
  const clean = { lyrics: "la\nlu", raw_lyrics: "la\nlu", acewright: timed };
  const inTag = joined(id3({ USLT: lrc }), fixture("sweep-no-tag.mp3"));
  expect((await scanOne({ "a.mp3": inTag })).sample).toMatchObject(clean);
  const plain = fixture("sweep-no-tag.mp3");
  expect((await scanOne({ "a.mp3": plain, "a.lrc": lrc })).sample).toMatchObject(clean);
  expect((await scanOne({ "a.lyrics.txt": "[Verse]\nla\nlu" })).sample).toMatchObject({
    lyrics: "[Verse]\nla\nlu",
    acewright: timed,
  });
  expect((await scanOne({ "a.lyrics.txt": lrc })).sample).toMatchObject(clean);
  expect((await scanOne({}, { keepStamps: true })).sample.lyrics).toBe(lrc);
});

test("artist and title of the lyrics' own ID tags beat those inside the song", async () => {
  const lrc = "[ar:Bea]\n[ti:Bells]\n[00:01.00]la";
  const { sample } = await scanOne({ "song.wav": wave, "song.lrc": lrc, "song.txt": lrc });
  expect(sample["acewright"]).toMatchObject({ artist: "Bea", title: "Bells" });
});

test("damaged tags cost a warning, not the song", async () => {
  const lying = Buffer.from(wave);
  const at = lying.indexOf("TPE1") + 4;
  lying.writeUInt32BE(0x7fffffff, at);
  const { sample } = await scanOne({ "song.wav": lying });
  expect(sample).toMatchObject({ duration: 1 });
  const flac = Buffer.from(withComments(fixture("sweep-16.flac"), comments));
  flac.writeUInt32LE(0x7fffffff, 46);
  const second = await scanOne({ "a.flac": flac });
  expect(second.sample.filename).toBe("a.flac");
  expect(second.warnings.join()).toMatch(/a\.flac: its tags are damaged and are not read/);
});

test.each<[string, { id: string; body: Uint8Array }[], boolean]>([
  ["nothing but samples", [], false],
  ["room left free", [{ id: "JUNK", body: new Uint8Array(31) }], false],
  ["an id3 chunk", [{ id: "id3 ", body: id3(tag) }], true],
  ["more filling than any writer makes", Array(70).fill({ id: "PAD ", body: new Uint8Array(2) }), true],
])("%s after the samples: whether a WAV file is searched for tags", async (_, after, searched) => {
  const body = samples([sine(8000, 8000, 440)], "s16");
  const path = join(folder, "song.wav");
  writeFileSync(path, riff([fmt({ channels: 1, rateHz: 8000 }), { id: "data", body }, ...after]));
  using source = await ByteSource.open(path);
  expect(await mayHoldWavTags(source)).toBe(searched);
});
