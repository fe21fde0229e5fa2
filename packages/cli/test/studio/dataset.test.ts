import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { DatasetChanged, DatasetPick, DatasetView, SongView } from "../../dist/studio/dataset-api.js";
import { folderWithSongs, newFolder, openBrowser, toy, type Browser } from "./open.js";
import { until } from "../until.js";

const path = "songs/dataset.json";
const revisionOf = async ({ get }: Browser, at = path): Promise<string> =>
  ((await get(`dataset/view?path=${at}`)) as DatasetView).revision;

/** A studio over two songs with captions and lyrics of all kinds. */
async function withDataset(samples: object[] = songs()): Promise<Browser & { file: string }> {
  const folder = folderWithSongs();
  const file = join(folder, path);
  writeFileSync(file, JSON.stringify({ metadata: { name: "bells", custom_tag: "zxc" }, samples }));
  return { ...(await openBrowser(folder)), file };
}

function songs(): object[] {
  return [
    {
      id: "a",
      audio_path: "bells-one.flac",
      filename: "bells-one.flac",
      caption: "slow bells",
      labeled: true,
      bpm: 60,
      keyscale: "Am",
      lyrics: "[Verse]\nding\ndong",
      raw_lyrics: "[Verse]\nding\ndong",
      is_instrumental: false,
      unknown_key: { kept: true },
      acewright: {
        lyric_lines: [{ start_s: 1, text: "ding" }, { start_s: "no time" }],
        provenance: { caption: { by: "gemini", model: "m", made_at: "x", low: true, confidence: 0.4 } },
      },
    },
    { id: "b", audio_path: "bells-two.ogg", filename: "bells-two.ogg", bpm: 120 },
    { id: "c", audio_path: "gone.wav", filename: "gone.wav" },
  ];
}

interface Refusal {
  readonly error: { readonly code: string; readonly message: string };
}

const read = (file: string): { metadata: Record<string, unknown>; samples: Record<string, unknown>[] } =>
  JSON.parse(readFileSync(file, "utf8")) as ReturnType<typeof read>;

test("a dataset is seen as rows, with what is worth knowing of them this moment", async () => {
  const { get } = await withDataset();
  const view = (await get(`dataset/view?path=${path}`)) as DatasetView;
  expect(view.metadata).toEqual({
    name: "bells",
    custom_tag: "zxc",
    tag_position: "prepend",
    genre_ratio: 0,
    all_instrumental: true,
  });
  expect(view.songs.map(({ filename, lines, bpm, isMissing }) => [filename, lines, bpm, isMissing])).toEqual([
    ["bells-one.flac", 2, 60, false],
    ["bells-two.ogg", 0, 120, false],
    ["gone.wav", 0, null, true],
  ]);
  expect(view.history).toEqual({ undo: 0, redo: false });
  const odd = view.findings.find(({ code }) => code === "odd-key");
  expect(odd).toMatchObject({ sample: 0, field: "keyscale", suggestion: "A minor" });
  expect(view.soundCheckedAt).toBeUndefined();
});

test("a song in full tells what machines made, and its timed lines alone", async () => {
  const { get } = await withDataset();
  const song = (await get(`dataset/song?path=${path}&song=0`)) as SongView;
  expect(song.values).toMatchObject({ caption: "slow bells", bpm: 60, is_instrumental: false });
  expect(song.makers).toEqual({ caption: { by: "gemini", model: "m", isUnsure: true, confidence: 0.4 } });
  expect(song.lyricLines).toEqual([{ start_s: 1, text: "ding" }]);
  expect(song.revision).toBe(((await get(`dataset/view?path=${path}`)) as DatasetView).revision);
  expect(await get(`dataset/song?path=${path}&song=3`)).toMatchObject({
    error: { message: `${path}: has no song 3, it holds 3` },
  });
});

test("an edit is written, undone and done again; what the page does not know stays in the file", async () => {
  const browser = await withDataset();
  const { post, file } = browser;
  const revision = await revisionOf(browser);
  const edit = {
    path,
    revision,
    songs: [0],
    set: { caption: " quick bells ", keyscale: "c#m" },
    clear: ["bpm"],
  };
  const tried = await post("dataset/edit", { ...edit, dryRun: true });
  expect((tried.body as DatasetChanged).changes.map(({ sample, key }) => [sample, key])).toEqual([
    [0, "caption"],
    [0, "bpm"],
    [0, "keyscale"],
  ]);
  expect((tried.body as DatasetChanged).revision).toBe(revision);
  expect(read(file).samples[0]).toMatchObject({ bpm: 60 });
  const { status, body } = await post("dataset/edit", edit);
  expect(status).toBe(200);
  const changed = body as DatasetChanged;
  expect(changed).toMatchObject({ history: { undo: 1, redo: false }, selected: 1 });
  expect(changed.song).toMatchObject({
    revision: changed.revision,
    values: { caption: "quick bells", keyscale: "C# minor", bpm: null },
  });
  expect(changed.revision).not.toBe(revision);
  expect(read(file).samples[0]).toMatchObject({ caption: "quick bells", unknown_key: { kept: true } });
  expect(existsSync(`${file}.bak`)).toBe(true);
  const undone = (await post("dataset/undo", { path, revision: changed.revision })).body as DatasetChanged;
  expect(undone).toMatchObject({ revision, history: { undo: 0, redo: true } });
  const redone = (await post("dataset/redo", { path, revision })).body as DatasetChanged;
  expect(redone).toMatchObject({ revision: changed.revision, history: { undo: 1, redo: false } });
  const nothing = await post("dataset/redo", { path, revision: redone.revision });
  expect([nothing.status, (nothing.body as Refusal).error.message]).toEqual([
    400,
    expect.stringMatching(/so no undo can be taken back/),
  ]);
});

test("an edit of what has changed meanwhile is refused, and the other's change stays", async () => {
  const browser = await withDataset();
  const { post, file } = browser;
  const revision = await revisionOf(browser);
  const byHand = JSON.stringify({ samples: [{ caption: "by hand" }, {}, {}] });
  writeFileSync(file, byHand);
  for (const [address, body] of [
    ["edit", { path, revision, songs: [0], set: { caption: "mine" } }],
    ["edit", { path, revision, songs: [0], set: { caption: "mine" }, dryRun: true }],
    ["undo", { path, revision }],
    ["redo", { path, revision }],
  ] as const) {
    const refused = await post(`dataset/${address}`, body);
    expect(refused.status, address).toBe(409);
    expect((refused.body as Refusal).error).toMatchObject({
      code: "CHANGED_ELSEWHERE",
      message: `${path}: was changed by something else meanwhile; nothing was written over it`,
    });
  }
  expect(readFileSync(file, "utf8")).toBe(byHand);
  expect(existsSync(`${file}.bak`)).toBe(false);
  const now = await revisionOf(browser);
  expect(
    (await post("dataset/edit", { path, revision: now, songs: [0], set: { caption: "mine" } })).status,
  ).toBe(200);
});

test("two edits made at once on one state: one is written, the other is told", async () => {
  const browser = await withDataset();
  const revision = await revisionOf(browser);
  const answers = await Promise.all(
    ["one", "two"].map(async (caption) =>
      browser.post("dataset/edit", { path, revision, songs: [1], set: { caption } }),
    ),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
});

test("many songs are changed at once: text replaced, trigger words added and removed", async () => {
  const browser = await withDataset();
  const { post, file } = browser;
  const edit = async (body: object): Promise<void> => {
    const { status } = await post("dataset/edit", { path, revision: await revisionOf(browser), ...body });
    expect(status).toBe(200);
  };
  await edit({ songs: [0, 1], set: { genre: "ambient" } });
  await edit({ songs: [0, 1, 2], replace: { field: "caption", find: "bells", by: "chimes" } });
  await edit({ songs: [1], tags: { action: "add", tag: "live" } });
  await edit({ tags: { action: "set", tag: "abc" }, metadata: { genre_ratio: 30, name: "chimes" } });
  const { metadata, samples } = read(file);
  expect(samples.map(({ genre, caption, custom_tag }) => [genre, caption, custom_tag])).toEqual([
    ["ambient", "slow chimes", ""],
    ["ambient", "", "zxc, live"],
    ["", "", ""],
  ]);
  expect(metadata).toMatchObject({ custom_tag: "abc", genre_ratio: 30, name: "chimes" });
});

test.each<[object, RegExp]>([
  [{ songs: [0], set: { bpm: 1000 } }, /^bpm: .*300/],
  [{ songs: [0], set: { tempo: 100 } }, /tempo/],
  [{ songs: [0], clear: ["filename"] }, /^clear\.0: /],
  [{ songs: [9], set: { caption: "x" } }, /^songs: there is no sample 9, the dataset holds 3$/],
  [{ set: { caption: "x" } }, /^songs: which songs shall be changed was expected$/],
  [{}, /^edit: something to change was expected$/],
  [{ songs: [0], where: ["bpm"], set: { caption: "x" } }, /where/],
  [{ songs: [0], replace: { field: "caption", find: "", by: "x" } }, /^find: /],
  [{ metadata: { genre_ratio: 101 } }, /^genre_ratio: /],
])("an edit that cannot be is refused by name: %j", async (body, message) => {
  const browser = await withDataset();
  const before = readFileSync(browser.file, "utf8");
  const refused = await browser.post("dataset/edit", { path, revision: await revisionOf(browser), ...body });
  expect(refused.status).toBe(400);
  expect((refused.body as Refusal).error.message).toMatch(message);
  expect(readFileSync(browser.file, "utf8")).toBe(before);
});

test("songs are picked by words anywhere in them and by the command line's filters", async () => {
  const { get } = await withDataset();
  const pick = async (text: string, filter: string): Promise<unknown> => {
    const query = new URLSearchParams({ path, text, filter }).toString();
    const answer = (await get(`dataset/select?${query}`)) as Partial<DatasetPick> & Refusal;
    return answer.songs ?? answer.error.message;
  };
  expect(await pick("", "")).toEqual([0, 1, 2]);
  expect(await pick("BELLS", "")).toEqual([0, 1]);
  expect(await pick("bells dong", "")).toEqual([0]);
  expect(await pick("", "bpm>=100")).toEqual([1]);
  expect(await pick("", "bpm; !caption")).toEqual([1]);
  expect(await pick("slow", "bpm>=100")).toEqual([]);
  expect(await pick("", "bpm>=fast")).toMatch(/filter "bpm>=fast": compares with "fast", no number/);
  expect(await pick("", "colour=red")).toMatch(/names the field "colour", which no sample has/);
});

test("a song is heard in parts, and only out of the studio's folders", async () => {
  const samples = [...songs(), { audio_path: join(toy, "adapt/bells-two.ogg"), filename: "elsewhere.ogg" }];
  const { fetch, folder } = await withDataset(samples);
  const part = await fetch(`/api/dataset/audio?path=${path}&song=0&file=bells-one.flac`, {
    headers: { range: "bytes=4-7" },
  });
  expect([part.status, part.headers.get("content-type")]).toEqual([206, "audio/flac"]);
  const whole = readFileSync(join(folder, "songs/bells-one.flac"));
  expect(Buffer.from(await part.arrayBuffer())).toEqual(whole.subarray(4, 8));
  expect(part.headers.get("content-range")).toBe(`bytes 4-7/${whole.length}`);
  const refusal = async (query: string): Promise<[number, string]> => {
    const answer = await fetch(`/api/dataset/audio?path=${path}&${query}`);
    return [answer.status, ((await answer.json()) as Refusal).error.message];
  };
  expect(await refusal("song=2")).toEqual([400, expect.stringMatching(/gone\.wav: cannot be read/)]);
  expect(await refusal("song=3")).toEqual([400, expect.stringMatching(/lies outside the studio's folder/)]);
  expect(await refusal("song=9")).toEqual([400, expect.stringMatching(/has no song 9/)]);
  // The page means the song it shows, not the one that stands in its place since a scan.
  expect(await refusal("song=0&file=other.flac")).toEqual([
    409,
    expect.stringMatching(/changed by something else/),
  ]);
});

test("no path leads out of the workspace", async () => {
  const outside = newFolder();
  cpSync(join(toy, "adapt"), outside, { recursive: true });
  const file = join(outside, "dataset.json");
  writeFileSync(file, JSON.stringify({ samples: songs() }));
  const { get, post } = await withDataset();
  for (const question of ["view", "song", "audio", "select", "revision", "tensors-name"]) {
    const refused = (await get(`dataset/${question}?song=0&path=${encodeURIComponent(file)}`)) as Refusal;
    expect(refused.error.message, question).toMatch(/lies outside the studio's folder/);
  }
  for (const [address, body] of [
    ["edit", { path: file, revision: "x", songs: [0], set: { caption: "x" } }],
    ["undo", { path: file, revision: "x" }],
    ["check", { path: file }],
    ["analyze", { path: file }],
    ["scan", { folder: outside, output: "d.json" }],
    ["scan", { folder: "songs", output: join(outside, "d.json") }],
    ["preprocess", { path, output: join(outside, "t"), model: "x" }],
  ] as const) {
    const refused = await post(`dataset/${address}`, body);
    expect([refused.status, (refused.body as Refusal).error.message], address).toEqual([
      400,
      expect.stringMatching(/lies outside the studio's folder/),
    ]);
  }
});

test("relative paths may lead to all folders of the studio, for the page and for its jobs", async () => {
  const browser = await withDataset();
  mkdirSync(join(browser.folder, "out"));
  writeFileSync(
    join(browser.folder, "out/dataset.json"),
    JSON.stringify({ samples: [{ audio_path: "../songs/bells-two.ogg", filename: "bells-two.ogg" }] }),
  );
  const view = (await browser.get("dataset/view?path=out/dataset.json")) as DatasetView;
  expect(view.songs[0]?.isMissing).toBe(false);
  const { body } = await browser.post("dataset/check", { path: "out/dataset.json" });
  const { id, line } = body as { id: string; line: string };
  expect(line).toContain(`--allow-root ${browser.folder}`);
  expect(await ended(browser, id)).toBe("done");
});

async function ended({ studio }: Browser, id: string): Promise<string> {
  return await until(
    () => {
      const { status } = studio.jobs.view(id, 0).job;
      expect(["done", "failed", "stopped"]).toContain(status);
      return status;
    },
    { timeout: 30_000, interval: 50 },
  );
}

test("from a folder of songs to tensors by jobs alone, with free names", async () => {
  const browser = await openBrowser(folderWithSongs());
  const { get, post, folder, studio } = browser;
  const start = async (address: string, body: object): Promise<string> => {
    const answer = await post(`dataset/${address}`, body);
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    const { id } = answer.body as { id: string };
    expect(await ended(browser, id), address).toBe("done");
    return id;
  };
  expect(await get("dataset/dataset-name?path=songs")).toEqual({ name: "songs/dataset.json" });
  await start("scan", { folder: "songs", output: "songs/dataset", settings: { custom_tag: "-zxc" } });
  expect(read(join(folder, path)).metadata).toMatchObject({ custom_tag: "-zxc" });
  expect(await get("dataset/dataset-name?path=songs")).toEqual({ name: "songs/dataset-2.json" });
  const again = await post("dataset/scan", { folder: "songs", output: path });
  expect((again.body as Refusal).error.message).toMatch(
    /songs\/dataset\.json is there already; choose another name/,
  );

  const check = await start("check", { path });
  const bars = studio.jobs.view(check, 0).output.filter((line) => (line as { type?: string }).type === "bar");
  expect(bars.at(-1)).toMatchObject({ what: "check", unit: "song", done: 3, total: 3, share: 1 });
  const view = (await get(`dataset/view?path=${path}`)) as DatasetView;
  expect(view.soundCheckedAt).toBeDefined();

  await start("analyze", { path, settings: { overwrite: "true", minConfidence: "0" } });
  const song = (await get(`dataset/song?path=${path}&song=0`)) as SongView;
  expect(song.makers["bpm"]).toMatchObject({ by: "analysis" });

  expect(await get(`dataset/tensors-name?path=${path}`)).toEqual({ name: "tensors/songs" });
  cpSync(join(toy, "checkpoints"), join(folder, "checkpoints"), { recursive: true });
  await start("preprocess", {
    path,
    output: "tensors/songs",
    model: "checkpoints",
    settings: { maxDurationS: "4", device: "cpu" },
  });
  expect(existsSync(join(folder, "tensors/songs/manifest.json"))).toBe(true);
  expect(await get(`dataset/tensors-name?path=${path}`)).toEqual({ name: "tensors/songs-2" });
});

test("what a service would get is told before anything is sent, and a missing key is the job's to tell", async () => {
  const browser = await withDataset();
  const { post, studio } = browser;
  vi.stubEnv("OPENAI_API_KEY", "");
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const settings = { provider: "openai", policy: "overwrite-lyrics" };
  const looked = await post("dataset/transcribe/preview", { path, settings });
  expect(looked.body).toMatchObject({
    provider: { name: "openai" },
    estimate: { songs: 3, asked: 2, calls: 2 },
    warnings: [expect.stringMatching(/gone\.wav does not exist/)],
  });
  expect(studio.jobs.list()).toEqual([]);
  const { body } = await post("dataset/transcribe", { path, settings });
  const { id, line } = body as { id: string; line: string };
  expect(line).toContain("--yes --provider openai --policy overwrite-lyrics");
  expect(await ended(browser, id)).toBe("failed");
  expect(studio.jobs.view(id, 0).job.error).toMatch(/OPENAI_API_KEY/);
  const odd = await post("dataset/caption/preview", { path, settings: { provider: "nobody" } });
  expect((odd.body as Refusal).error.message).toMatch(/provider/);
});

test("the language model is asked by its folder, in a job that holds the dataset while it works", async () => {
  const browser = await withDataset();
  mkdirSync(join(browser.folder, "acestep-5Hz-lm-0.6B"));
  expect(await browser.get("dataset/language-models")).toEqual({ paths: [] });
  const choices = { path, model: "acestep-5Hz-lm-0.6B", lm: "acestep-5Hz-lm-0.6B" };
  const { body } = await browser.post("dataset/label", {
    ...choices,
    settings: { overwrite: "caption,genre", skipMetas: "true", temperature: "0" },
  });
  const { id, kind, line } = body as { id: string; kind: string; line: string };
  expect(kind).toBe("label");
  expect(line).toBe(
    `acewright dataset label ${path} --model acestep-5Hz-lm-0.6B --lm acestep-5Hz-lm-0.6B ` +
      "--skip-metas --overwrite caption,genre --temperature 0",
  );
  expect(await ended(browser, id)).toBe("failed");
});

test("settings of a job that do not fit are refused by name before anything starts", async () => {
  const { post, studio } = await withDataset();
  const refused = await post("dataset/analyze", { path, settings: { minConfidence: "2" } });
  expect(refused.status).toBe(400);
  expect((refused.body as Refusal).error.message).toMatch(/min-confidence/);
  expect(studio.jobs.list()).toEqual([]);
});

test("what only the sound tells comes of the newest check, for songs that are still there", async () => {
  const browser = await withDataset();
  const { body } = await browser.post("dataset/check", { path });
  await ended(browser, (body as { id: string }).id);
  const missing = async (): Promise<(number | undefined)[]> =>
    ((await browser.get(`dataset/view?path=${path}`)) as DatasetView).findings
      .filter(({ code }) => code === "missing-file")
      .map(({ sample }) => sample);
  expect(await missing()).toEqual([2]);
  writeFileSync(browser.file, JSON.stringify({ samples: [...songs().slice(0, 2), { filename: "new.wav" }] }));
  expect(await missing()).toEqual([]);
});

test("while a job writes the dataset, edits are refused and say whose turn it is", async () => {
  const browser = await withDataset();
  const { studio, post, get } = browser;
  // Serves until it is stopped: a job that is at work on this dataset for as long as the test wants.
  const job = studio.jobs.add({
    kind: "label",
    title: "analyze bells",
    words: ["studio", ".", "--port", "0"],
    makes: path,
  });
  onTestFinished(() => {
    studio.jobs.stop(job.id);
  });
  const view = (await get(`dataset/view?path=${path}`)) as DatasetView;
  expect(view.writtenBy?.id).toBe(job.id);
  const edit = { path, revision: view.revision, songs: [0], set: { caption: "x" } };
  const refused = await post("dataset/edit", edit);
  expect(refused.status).toBe(400);
  expect((refused.body as Refusal).error.message).toMatch(
    /“analyze bells” is writing it; save when that is done/,
  );
  expect((await post("dataset/edit", { ...edit, dryRun: true })).status).toBe(200);
  expect((await post("dataset/analyze", { path })).status).toBe(200);
  const twin = await post("dataset/analyze", { path });
  expect((twin.body as Refusal).error.message).toMatch(/is at work, or waits for its turn, already/);
  studio.jobs.stop(job.id);
  await ended(browser, job.id);
  expect((await post("dataset/edit", edit)).status).toBe(200);
});
