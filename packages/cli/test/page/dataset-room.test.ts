// @vitest-environment happy-dom
import { h, render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type {
  DatasetFields,
  DatasetView,
  FieldView,
  SongRow,
  SongView,
} from "../../dist/studio/dataset-api.js";
import { DatasetRoom } from "../../dist/page/dataset/dataset.js";
import { hasUnsaved } from "../../dist/page/dataset/use-desk.js";
import { button, choose, fakeServer, input, place, shows, type, type FakeServer } from "./server.js";
import { until } from "../until.js";

const field = (key: string, more: Partial<FieldView> = {}): FieldView => ({
  key,
  label: key.replaceAll("_", " "),
  help: `what ${key} is for`,
  control: "text",
  whole: false,
  choices: [],
  fallback: "",
  ...more,
});
const fields: DatasetFields = {
  song: [
    field("caption"),
    field("lyrics"),
    field("bpm", { control: "number", whole: true, min: 30, max: 300 }),
    field("is_instrumental", { control: "switch" }),
    field("prompt_override", { control: "choice", choices: ["caption", "genre"] }),
    field("of_tomorrow"),
  ],
  metadata: [field("name"), field("genre_ratio", { control: "number", whole: false, min: 0, max: 100 })],
  scan: [field("custom_tag")],
  analyze: [field("overwrite", { control: "switch", fallback: "false" })],
  preprocess: [],
  label: [],
  transcribe: [field("provider", { control: "choice", choices: ["openai", "genius"], fallback: "openai" })],
  caption: [],
  texts: ["caption", "lyrics"],
};
const row = (song: number): SongRow => ({
  song,
  file: `songs/${song}.wav`,
  filename: `song ${song}.wav`,
  isMissing: false,
  duration: 61,
  caption: `caption ${song}`,
  genre: "",
  lines: song % 2,
  bpm: 60 + (song % 100),
  keyscale: "A minor",
  timesignature: "4",
  language: "en",
  customTag: "",
  labeled: true,
});
const view = (count: number): DatasetView => ({
  path,
  revision: "r1",
  metadata: {
    name: "bells",
    custom_tag: "zxc",
    tag_position: "prepend",
    genre_ratio: 0,
    all_instrumental: true,
  },
  songs: Array.from({ length: count }, (_, song) => row(song)),
  history: { undo: 1, redo: false },
  findings: [
    {
      severity: "warning",
      code: "odd-bpm",
      sample: 0,
      field: "bpm",
      message: "song 0.wav: bpm is odd",
      fix: "write 61",
      suggestion: 61,
    },
    {
      severity: "info",
      code: "quiet",
      sample: 2,
      field: "audio",
      message: "song 2.wav: is quiet",
      fix: "normalise",
    },
  ],
  warnings: [],
});
const song: SongView = {
  song: 0,
  file: "songs/0.wav",
  revision: "r1",
  values: {
    caption: "caption 0",
    lyrics: "[Verse]\nding",
    bpm: 60,
    is_instrumental: false,
    prompt_override: null,
  },
  makers: { caption: { by: "gemini", isUnsure: true } },
  lyricLines: [
    { start_s: 0, text: "ding" },
    { start_s: 5, text: "dong" },
  ],
};

let server: FakeServer;
/** Another for each test: what is typed for a dataset and not written outlives its room. */
let path = "";
let tests = 0;
beforeEach(() => {
  path = `d${++tests}.json`;
  server = fakeServer({
    "dataset/fields": fields,
    "dataset/view": view(2000),
    "dataset/revision": { revision: "r1" },
    "dataset/song": song,
    "dataset/edit": { revision: "r1", history: { undo: 2, redo: false }, changes: [], selected: 1, song },
    jobs: [],
    workspace: { datasets: [], models: [], tensors: [], songFolders: [] },
    "dataset/tensors-name": { name: "tensors/bells" },
  });
  document.body.innerHTML = "<div id=studio></div>";
});
afterEach(() => {
  render(null, place());
  vi.unstubAllGlobals();
});

async function opened(): Promise<HTMLElement> {
  render(h(DatasetRoom, { words: { path } }), place());
  await shows("2000 songs");
  return place();
}

async function withSong(): Promise<HTMLElement> {
  const page = await opened();
  button("song 0.wav").click();
  await until(() => input("song-caption"));
  return page;
}

const press = (target: EventTarget, key: string, more: KeyboardEventInit = {}): boolean =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));

test("of two thousand songs a screenful is drawn, and the table says how many there are", async () => {
  const page = await opened();
  expect(page.querySelectorAll("tr.song-row").length).toBeLessThan(60);
  expect(page.querySelector("table")?.getAttribute("aria-rowcount")).toBe("2001");
  const [first] = page.querySelectorAll("tr.song-row");
  expect(first?.textContent).toContain("song 0.wav1:01");
  expect(first?.textContent).toContain("instrumental");
});

test("the song's fields are those of the schema, also one nobody here has heard of", async () => {
  const page = await withSong();
  const labels = [...page.querySelectorAll(".song-fields label")].map(({ textContent }) => textContent);
  expect(labels).toEqual(["Caption", "Lyrics", "Tempo (BPM)", "Instrumental", "Prompted by", "Of tomorrow"]);
  expect(input("song-lyrics").value).toBe("[Verse]\nding");
  expect(page.textContent).toContain("by gemini, low confidence");
  expect(page.textContent).toContain("what of_tomorrow is for");
});

test("leaving a field writes it; Ctrl-S does too, and what does not fit is told and not sent", async () => {
  const page = await withSong();
  type("song-caption", "loud drums");
  await shows("not saved yet");
  input("song-caption").dispatchEvent(new FocusEvent("focusout", { bubbles: true }));
  await until(() => {
    expect(server.last("dataset/edit")).toEqual({
      path,
      revision: "r1",
      songs: [0],
      set: { caption: "loud drums" },
      clear: [],
    });
  });
  await until(() => {
    expect(page.querySelector(".beside .badge")?.textContent).toBe("saved");
  });
  type("song-bpm", "999");
  await shows("A whole number from 30 to 300 is needed.");
  type("song-lyrics", "");
  expect(press(input("song-lyrics"), "s", { ctrlKey: true })).toBe(false);
  await until(() => {
    expect(server.last("dataset/edit")).toMatchObject({ set: {}, clear: ["lyrics"] });
  });
  expect(input("song-bpm").value).toBe("999");
});

test("a refused save keeps the text and says why", async () => {
  const page = await withSong();
  delete server.answers["dataset/edit"];
  type("song-caption", "loud drums");
  press(input("song-caption"), "s", { metaKey: true });
  await shows("not saved");
  await until(() => {
    expect(page.querySelector(".failure")?.textContent).toBe("no dataset/edit");
  });
  expect(input("song-caption").value).toBe("loud drums");
});

test("what could not be written waits on the desk while one is in another room", async () => {
  await withSong();
  delete server.answers["dataset/edit"];
  type("song-caption", "loud drums");
  render(null, place());
  await until(() => {
    expect(server.last("dataset/edit")).toMatchObject({ set: { caption: "loud drums" } });
  });
  const leaving = new Event("beforeunload", { cancelable: true });
  await until(() => {
    dispatchEvent(leaving);
    expect([hasUnsaved(), leaving.defaultPrevented]).toEqual([true, true]);
  });
  await opened();
  await until(() => {
    expect(input("song-caption").value).toBe("loud drums");
  });
});

test("a finding stands at its field with what mends it, and its value is taken by a button", async () => {
  await withSong();
  await shows("bpm is odd; write 61");
  button("Take “61”").click();
  await until(() => {
    expect(server.last("dataset/edit")).toMatchObject({ songs: [0], set: { bpm: 61 } });
  });
});

test("many songs are changed after they were shown what changes, and not before", async () => {
  const page = await opened();
  const boxes = page.querySelectorAll<HTMLInputElement>("tbody .col-select input");
  boxes[1]?.click();
  boxes[4]?.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
  await shows("Change 4 songs");
  choose(input("bulk-action"), "replace");
  await until(() => button("Show what changes"));
  const [find] = [...page.querySelectorAll<HTMLInputElement>(".beside label.field input")];
  if (find === undefined) throw new Error("nowhere to type what to find");
  find.value = "caption";
  find.dispatchEvent(new Event("input", { bubbles: true }));
  await until(() => {
    expect(button("Show what changes").disabled).toBe(false);
  });
  server.answers["dataset/edit"] = {
    revision: "r1",
    history: { undo: 2, redo: false },
    changes: [{ sample: 1, key: "caption", before: "caption 1", after: " 1" }],
    selected: 4,
  };
  button("Show what changes").click();
  await shows("song 1.wavCaptioncaption 1 1");
  const edit = { songs: [1, 2, 3, 4], replace: { field: "caption", find: "caption", by: "" } };
  expect(server.sent.map(({ body }) => body)).toEqual([{ path, revision: "r1", ...edit, dryRun: true }]);
  button("Write it").click();
  await until(() => {
    expect(server.last("dataset/edit")).toEqual({ path, revision: "r1", ...edit });
  });
});

test("a search and a filter are the server's; half a filter is told and hides nothing", async () => {
  server.answers["dataset/select"] = { revision: "r1", songs: [3, 7] };
  const page = await opened();
  const [search, filter] = page.querySelectorAll<HTMLInputElement>(".toolbar input");
  if (search === undefined || filter === undefined) throw new Error("no search");
  search.value = "love";
  search.dispatchEvent(new Event("input", { bubbles: true }));
  await shows("2 of 2000 songs");
  expect([...page.querySelectorAll("tr.song-row .name")].map(({ textContent }) => textContent)).toEqual([
    "song 3.wav",
    "song 7.wav",
  ]);
  delete server.answers["dataset/select"];
  filter.value = "bpm>";
  filter.dispatchEvent(new Event("input", { bubbles: true }));
  await shows("no dataset/select");
  expect(page.querySelectorAll("tr.song-row")).toHaveLength(2);
});

test("only songs with findings are shown where one asks for them", async () => {
  const page = await opened();
  button("with findings").click();
  await shows("2 of 2000 songs");
  expect(page.querySelectorAll("tr.song-row")).toHaveLength(2);
});

test("space plays the song in hand and pauses it, but not while somebody types", async () => {
  const played = vi.spyOn(HTMLMediaElement.prototype, "play").mockImplementation(() => Promise.resolve());
  const page = await withSong();
  press(input("song-caption"), " ");
  expect(page.querySelector("audio")).toBeNull();
  const table = page.querySelector(".song-table");
  if (table === null) throw new Error("no table");
  expect(press(table, " ")).toBe(false);
  await until(() => {
    expect(played).toHaveBeenCalledOnce();
  });
  const audio = page.querySelector("audio");
  expect(audio?.getAttribute("src")).toBe(`/api/dataset/audio?path=${path}&song=0&file=songs%2F0.wav`);
  expect(page.querySelector("tr.playing .name")?.textContent).toBe("song 0.wav");
  await shows("dingdong");
  press(table, " ");
  await until(() => {
    expect(page.querySelector("tr.playing")).toBeNull();
  });
  played.mockRestore();
});

test("a song that does not sound says why: the server's reason, or the browser's lack", async () => {
  vi.spyOn(HTMLMediaElement.prototype, "play").mockImplementation(() => Promise.resolve());
  const page = await opened();
  page.querySelector<HTMLButtonElement>("tr.song-row .col-play button")?.click();
  await until(() => {
    expect(page.querySelector("audio")).not.toBeNull();
  });
  page.querySelector("audio")?.dispatchEvent(new Event("error"));
  await shows("no dataset/audio");
  server.answers["dataset/audio"] = "x";
  page.querySelector("audio")?.dispatchEvent(new Event("error"));
  await shows("This browser cannot play .wav files.");
});

test("arrow keys go from song to song, also when an edit takes the song out of the search", async () => {
  server.answers["dataset/select"] = { revision: "r1", songs: [0, 1, 2] };
  const page = await opened();
  button("without caption").click();
  await shows("3 of 2000 songs");
  const table = page.querySelector(".song-table");
  if (table === null) throw new Error("no table");
  const current = (): string | undefined => page.querySelector("tr.current .name")?.textContent;
  press(table, "ArrowDown");
  await until(() => {
    expect(current()).toBe("song 0.wav");
  });
  server.answers["dataset/select"] = { revision: "r2", songs: [1, 2] };
  server.answers["dataset/edit"] = {
    revision: "r2",
    history: { undo: 2, redo: false },
    changes: [],
    selected: 1,
    song: { ...song, revision: "r2" },
  };
  server.answers["dataset/view"] = { ...view(2000), revision: "r2" };
  server.answers["dataset/revision"] = { revision: "r2" };
  await until(() => input("song-caption"));
  type("song-caption", "now it has one");
  press(input("song-caption"), "s", { ctrlKey: true });
  await until(() => {
    expect(page.querySelector(".beside .badge")?.textContent).toBe("saved");
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(current()).toBe("song 0.wav");
  press(table, "ArrowDown");
  await until(() => {
    expect(current()).toBe("song 1.wav");
  });
  await shows("2 of 2000 songs");
});

test("what holds for the dataset is written by its own button", async () => {
  await opened();
  type("metadata-genre_ratio", "40");
  type("metadata-custom_tag", "");
  await until(() => {
    expect(button("Save").disabled).toBe(false);
  });
  button("Save").click();
  await until(() => {
    expect(server.last("dataset/edit")).toEqual({
      path,
      revision: "r1",
      metadata: { genre_ratio: 40 },
      tags: { action: "clear" },
    });
  });
});

test("a job at work shows how far it is and which song is in hand", async () => {
  const job = {
    id: "one",
    kind: "check",
    title: "check d.json",
    line: "acewright dataset check d.json",
    makes: path,
    status: "running",
    addedAt: "2026-01-01T00:00:00.000Z",
  };
  server.answers["jobs"] = [job];
  server.answers["jobs/one"] = {
    job,
    next: 10,
    output: [
      {
        type: "bar",
        what: "check",
        unit: "song",
        done: 3,
        total: 9,
        share: 1 / 3,
        remark: "song 3.wav",
        left: 61,
      },
    ],
  };
  const page = await opened();
  await shows("check: 3 of 9 · song 3.wav · 1:01 left");
  expect(page.querySelector("progress")?.getAttribute("value")).toBe(String(1 / 3));
  button("Stop").click();
  await until(() => {
    expect(server.sent.map(({ path }) => path)).toContain("jobs/one/stop");
  });
});

test("a job that ended before anybody saw it at work is told all the same, and its findings are asked for", async () => {
  const page = await opened();
  const job = {
    id: "two",
    kind: "check",
    title: `check ${path}`,
    line: `acewright dataset check ${path}`,
    makes: path,
    status: "done",
    addedAt: "2026-01-01T00:00:00.000Z",
  };
  server.answers["dataset/check"] = job;
  server.answers["jobs"] = [job];
  server.answers["dataset/view"] = { ...view(2000), soundCheckedAt: "2026-01-01T00:00:01.000Z" };
  button("Check").click();
  await shows("sound looked at");
  expect(page.querySelector(".job")?.textContent).toBe(`check ${path} done`);
});

test("a scan that came to nothing says why where its dataset would be", async () => {
  delete server.answers["dataset/view"];
  const base = {
    kind: "scan",
    title: "scan songs",
    line: "",
    makes: path,
    addedAt: "2026-01-01T00:00:00.000Z",
  };
  server.answers["jobs"] = [
    { ...base, id: "three", status: "failed", error: "songs: none of 2 songs can be read" },
  ];
  render(h(DatasetRoom, { words: { path } }), place());
  await shows("songs: none of 2 songs can be read");
});

test("nothing is sent to a service before what that takes was looked at, and again after another choice", async () => {
  server.answers["dataset/transcribe/preview"] = {
    provider: { name: "openai", model: "whisper-1", origin: "https://api.example" },
    estimate: { songs: 9, asked: 4, calls: 5, audioMinutes: 11.2, audioBytes: 2048 },
    warnings: ["one is missing"],
  };
  server.answers["dataset/transcribe"] = { id: "x" };
  const page = await opened();
  const form = page.querySelector("#dataset-transcribe-provider")?.closest("form");
  const go = (): HTMLButtonElement => {
    const found = form?.querySelector<HTMLButtonElement>("button[type=submit]");
    if (found === undefined || found === null) throw new Error("no button");
    return found;
  };
  go().click();
  await shows(
    "4 of 9 songs, in at least 5 calls to https://api.example \\(whisper-1\\). 12 minutes of audio",
  );
  expect(go().textContent).toBe("Send the songs");
  choose(input("dataset-transcribe-provider"), "genius");
  await until(() => {
    expect(go().textContent).toBe("Look what that takes");
  });
  expect(server.last("dataset/transcribe")).toBeUndefined();
  go().click();
  await until(() => {
    expect(go().textContent).toBe("Send the songs");
  });
  go().click();
  await until(() => {
    expect(server.last("dataset/transcribe")).toEqual({ path, settings: { provider: "genius" } });
  });
});

test("without a dataset there is a way to make one", async () => {
  server.answers["workspace"] = {
    datasets: [],
    models: [],
    tensors: [],
    songFolders: [{ path: "songs", songs: 3 }],
  };
  server.answers["dataset/dataset-name"] = { name: "songs/dataset.json" };
  server.answers["dataset/scan"] = { makes: "songs/dataset.json" };
  render(h(DatasetRoom, { words: {} }), place());
  await until(() => {
    expect(button("Scan").disabled).toBe(false);
  });
  button("Scan").click();
  await until(() => {
    expect(location.hash).toBe("#/dataset?path=songs%2Fdataset.json");
  });
  expect(server.last("dataset/scan")).toEqual({
    folder: "songs",
    output: "songs/dataset.json",
    settings: {},
  });
});
