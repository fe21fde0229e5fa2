import { caption, loadDataset, planAnnotation, scanFolder, transcribe, undoChange } from "@acewright/dataset";
import type { AnnotateOptions, Sample, TranscribeSettings } from "@acewright/dataset";
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loopback, type Handler, type Loopback } from "./loopback.js";
import { everythingIn, hasty, songFolder, testKey, whisperAnswer } from "./songs.js";

const environment = { OPENAI_API_KEY: testKey, GEMINI_API_KEY: testKey };
const heard: Handler = () => ({ body: whisperAnswer("la la. lu") });

function run(
  path: string,
  server: Loopback,
  settings: Partial<TranscribeSettings> = {},
  options: AnnotateOptions = {},
) {
  return transcribe(
    path,
    { ...hasty, retries: 1, baseUrl: server.url, ...settings },
    { environment, ...options },
  );
}

const journals = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.endsWith(".journal"));
const lyricsOf = (samples: Sample[]): string[] => samples.map(({ lyrics }) => lyrics);

describe("a dataset", () => {
  test("gets lyrics, times, language, confidence and who made them, in one change that can be taken back", async () => {
    using songs = songFolder(3, (_, index) =>
      index === 1 ? { lyrics: "mine", raw_lyrics: "mine", is_instrumental: false } : {},
    );
    const before = readFileSync(songs.dataset, "utf8");
    await using server = await loopback(() => ({ body: whisperAnswer("la la. lu", 0.3) }));
    const report = await run(songs.dataset, server);
    expect(report).toMatchObject({ answered: 2, failed: [], written: [songs.dataset] });
    expect(report.toCheck.map(({ why }) => why)).toEqual(
      Array(2).fill("the provider is 30 % sure of the lyrics"),
    );
    expect(server.arrived.length).toBe(2);
    const [first, second] = songs.samples();
    expect(second?.lyrics).toBe("mine");
    expect(second?.["acewright"]).toBeUndefined();
    expect(first).toMatchObject({
      lyrics: "la la\nlu",
      raw_lyrics: "la la\nlu",
      language: "en",
      is_instrumental: false,
    });
    expect(first?.["acewright"]).toMatchObject({
      lyric_lines: [
        { start_s: 0, text: "la la", confidence: 0.3 },
        { start_s: 1, text: "lu" },
      ],
      provenance: {
        lyrics: { by: "openai", model: "whisper-1", origin: server.url, confidence: 0.3, low: true },
        language: { by: "openai", model: "whisper-1" },
      },
    });
    expect(journals(songs.path)).toEqual([]);
    await loadDataset(songs.dataset);
    undoChange(songs.dataset);
    expect(readFileSync(songs.dataset, "utf8")).toBe(before);
  });

  test.each<[TranscribeSettings["policy"], string[], number]>([
    ["fill-missing", ["mine", "la la\nlu"], 1],
    ["lyrics-only", ["mine", "la la\nlu"], 1],
    ["overwrite-lyrics", ["la la\nlu", "la la\nlu"], 2],
    ["overwrite-all", ["la la\nlu", "la la\nlu"], 2],
  ])("under %s", async (policy, expected, calls) => {
    using songs = songFolder(2, (_, index) =>
      index === 0 ? { lyrics: "mine", raw_lyrics: "mine", language: "fr" } : {},
    );
    await using server = await loopback(heard);
    const plan = await planAnnotation(songs.dataset, {
      task: "transcribe",
      settings: { policy, baseUrl: server.url },
    });
    expect(plan.estimate).toMatchObject({
      songs: 2,
      asked: calls,
      kept: 2 - calls,
      calls,
      audioMinutes: calls,
      resumed: 0,
    });
    expect(plan.estimate.fields.lyrics).toEqual({ fill: 1, overwrite: calls - 1 });
    await run(songs.dataset, server, { policy });
    expect(lyricsOf(songs.samples())).toEqual(expected);
    expect(songs.samples().map(({ language }) => language)).toEqual([
      calls === 2 ? "en" : "fr",
      policy === "lyrics-only" ? "unknown" : "en",
    ]);
    expect(server.arrived.length).toBe(calls);
  });

  test("captions leave lyrics alone or take them, by policy; tempo and key only when asked for", async () => {
    using songs = songFolder(2, (_, index) => (index === 0 ? { caption: "mine", labeled: true } : {}));
    const answer =
      '{"caption":"Slow.","genre":"folk","bpm":90,"key":"Am","signature":"3/4","lyrics":"la","language":"de"}';
    await using server = await loopback(() => ({
      body: { candidates: [{ content: { parts: [{ text: answer }] } }] },
    }));
    const ask = (settings: object) =>
      caption(songs.dataset, { ...hasty, baseUrl: server.url, ...settings }, { environment });
    await ask({ lyrics: false });
    expect(
      songs.samples().map((song) => [song.caption, song.genre, song.lyrics, song.bpm, song.labeled]),
    ).toEqual([
      ["mine", "", "[Instrumental]", null, true],
      ["Slow.", "folk", "[Instrumental]", null, true],
    ]);
    expect(server.arrived.length).toBe(1);
    await ask({ policy: "overwrite-caption", metas: true });
    expect(
      songs
        .samples()
        .map((song) => [
          song.caption,
          song.lyrics,
          song.language,
          song.bpm,
          song.keyscale,
          song.timesignature,
        ]),
    ).toEqual(Array(2).fill(["Slow.", "la", "de", 90, "A minor", "3"]));
    expect(songs.samples()[0]?.["acewright"]).toMatchObject({
      provenance: { bpm: { by: "gemini" }, caption: { by: "gemini" } },
    });
  });

  test("a song without words is not asked about again, unless it is to be overwritten", async () => {
    using songs = songFolder(1);
    await using server = await loopback(() => ({ body: { text: "", segments: [], words: [] } }));
    const report = await run(songs.dataset, server);
    expect(report.withoutLyrics).toEqual(["song-000.wav"]);
    expect(lyricsOf(songs.samples())).toEqual(["[Instrumental]"]);
    expect((await run(songs.dataset, server)).answered).toBe(0);
    expect((await run(songs.dataset, server, { policy: "overwrite-lyrics" })).answered).toBe(1);
  });

  test("a preview writes nothing, and the run after it writes without asking", async () => {
    using songs = songFolder(2);
    const before = readFileSync(songs.dataset, "utf8");
    await using server = await loopback(heard);
    const preview = await run(songs.dataset, server, {}, { preview: true });
    expect(
      preview.changes.filter(({ key }) => key === "lyrics").map(({ before, after }) => [before, after]),
    ).toEqual(Array(2).fill(["[Instrumental]", "la la\nlu"]));
    expect([preview.written, readFileSync(songs.dataset, "utf8")]).toEqual([[], before]);
    const real = await run(songs.dataset, server);
    expect(real).toMatchObject({ answered: 0, resumed: 2, written: [songs.dataset] });
    expect(lyricsOf(songs.samples())).toEqual(["la la\nlu", "la la\nlu"]);
    expect(server.arrived.length).toBe(2);
  });

  test("what the user changes meanwhile stays", async () => {
    using songs = songFolder(2);
    await using server = await loopback((_, number) => {
      if (number === 1) {
        const file = JSON.parse(readFileSync(songs.dataset, "utf8")) as { samples: Sample[] };
        Object.assign(file.samples[0] ?? {}, { genre: "polka", lyrics: "typed", raw_lyrics: "typed" });
        writeFileSync(songs.dataset, JSON.stringify(file));
      }
      return heard({} as never, number);
    });
    await run(songs.dataset, server);
    expect(songs.samples().map(({ genre, lyrics }) => [genre, lyrics])).toEqual([
      ["polka", "typed"],
      ["", "la la\nlu"],
    ]);
  });

  test("several samples of one song take one call and one answer", async () => {
    using songs = songFolder(3, () => ({ audio_path: "song-000.wav" }));
    await using server = await loopback(heard);
    expect(await run(songs.dataset, server)).toMatchObject({ answered: 1 });
    expect(lyricsOf(songs.samples())).toEqual(Array(3).fill("la la\nlu"));
    expect(server.arrived.length).toBe(1);
  });

  test("a filter picks the songs; missing audio is told and left out", async () => {
    using songs = songFolder(3, (_, index) => (index === 2 ? { audio_path: "gone.wav" } : {}));
    await using server = await loopback(heard);
    const task = { task: "transcribe", settings: { baseUrl: server.url } } as const;
    const plan = await planAnnotation(songs.dataset, task, { environment });
    expect(plan.estimate).toMatchObject({ songs: 3, asked: 2, kept: 0 });
    expect(plan.warnings).toEqual([expect.stringMatching(/gone\.wav does not exist and is left out/)]);
    await run(songs.dataset, server, {}, { where: ["number=2"] });
    expect(lyricsOf(songs.samples()).slice(0, 2)).toEqual(["[Instrumental]", "la la\nlu"]);
  });
});

describe("runs that end early", () => {
  test("never have more songs under way than was said", async () => {
    using songs = songFolder(12);
    await using server = await loopback(() => ({ body: whisperAnswer("la"), delayMs: 40 }));
    await run(songs.dataset, server, { concurrency: 3 });
    expect(server.mostAtOnce).toBe(3);
    expect(server.arrived.length).toBe(12);
  });

  test("a wrong key ends the run at once and is said once, without the key", async () => {
    using songs = songFolder(50);
    const before = readFileSync(songs.dataset, "utf8");
    await using server = await loopback(({ headers }) => ({
      status: 401,
      body: { error: { message: `Incorrect key ${String(headers.authorization)}` } },
    }));
    const error: unknown = await run(songs.dataset, server, { concurrency: 4 }).catch(
      (caught: unknown) => caught,
    );
    expect((error as Error).message).toMatch(
      /answered 401: Incorrect key Bearer \[key\]; check OPENAI_API_KEY$/,
    );
    expect(server.arrived.length).toBeLessThanOrEqual(4);
    expect(readFileSync(songs.dataset, "utf8")).toBe(before);
  });

  test("ten failures one after the other end it, one bad song does not", async () => {
    using songs = songFolder(30);
    await using bad = await loopback(() => ({ status: 400, body: { error: "bad audio" } }));
    await expect(run(songs.dataset, bad, { concurrency: 1 })).rejects.toThrow(
      /10 songs failed one after the other, the last: .*bad audio/,
    );
    expect(bad.arrived.length).toBe(10);
    await using mostly = await loopback((_, number) =>
      number === 5 ? { status: 413 } : heard({} as never, number),
    );
    const report = await run(songs.dataset, mostly, { concurrency: 1 });
    expect(report.failed).toEqual([
      { audioFile: songs.song(4), error: expect.stringMatching(/413.*too large/) as string },
    ]);
    expect(report.answered).toBe(29);
    // The song that failed is asked about again, the others are not.
    await using well = await loopback(heard);
    expect(await run(songs.dataset, well)).toMatchObject({ answered: 1, failed: [] });
  });

  test("an abort saves what was answered, and the same run goes on from there", async () => {
    using songs = songFolder(8);
    const stop = new AbortController();
    let restarted = 0;
    await using server = await loopback((_, number) => {
      if (restarted > 0) return { body: whisperAnswer(`again ${number - restarted}`) };
      if (number === 4) stop.abort();
      return { body: whisperAnswer(`song ${number}`), delayMs: number > 3 ? 2000 : 0 };
    });
    const settings = { policy: "overwrite-lyrics", concurrency: 1 } as const;
    await expect(run(songs.dataset, server, settings, { signal: stop.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(lyricsOf(songs.samples())).toEqual([
      "song 1",
      "song 2",
      "song 3",
      ...Array<string>(5).fill("[Instrumental]"),
    ]);
    // Overwriting does not begin from the start, and takes back no edit made since.
    const edited = JSON.parse(readFileSync(songs.dataset, "utf8")) as { samples: Sample[] };
    Object.assign(edited.samples[1] ?? {}, { lyrics: "edited", raw_lyrics: "edited" });
    writeFileSync(songs.dataset, JSON.stringify(edited));
    restarted = server.arrived.length;
    expect(await run(songs.dataset, server, settings)).toMatchObject({ answered: 5, resumed: 3 });
    expect(lyricsOf(songs.samples()).slice(0, 4)).toEqual(["song 1", "edited", "song 3", "again 1"]);
    expect(journals(songs.path)).toEqual([]);
  });

  test("a killed process loses nothing that was answered, not even with its last line cut off", async () => {
    using songs = songFolder(4);
    let killed = false;
    await using server = await loopback((_, number) => {
      if (killed) return { body: whisperAnswer(`again ${number - 3}`) };
      return { body: whisperAnswer(`song ${number}`), delayMs: number > 2 ? 60_000 : 0 };
    });
    const script = `const { transcribe } = await import("@acewright/dataset");
      await transcribe(${JSON.stringify(songs.dataset)}, { baseUrl: ${JSON.stringify(server.url)}, concurrency: 1 });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      cwd: import.meta.dirname,
      env: { ...process.env, ...environment },
      stdio: "ignore",
    });
    while (server.arrived.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    expect(lyricsOf(songs.samples())).toEqual(Array(4).fill("[Instrumental]"));
    const [journal = ""] = journals(songs.path);
    appendFileSync(join(songs.path, journal), '{"song":"/cut off');
    // The audio of the second song is another one now: its answer does not hold.
    utimesSync(songs.song(1), new Date(0), new Date(0));
    killed = true;
    const report = await run(songs.dataset, server, { concurrency: 1 });
    expect(report).toMatchObject({ answered: 3, resumed: 1 });
    expect(lyricsOf(songs.samples())).toEqual(["song 1", "again 1", "again 2", "again 3"]);
    expect(journals(songs.path)).toEqual([]);
  });

  test("a journal that is none is named, and --restart begins anew", async () => {
    using songs = songFolder(2);
    await using server = await loopback(heard);
    await run(songs.dataset, server, {}, { preview: true });
    const journal = join(songs.path, journals(songs.path)[0] ?? "");
    writeFileSync(journal, "nonsense\nmore\n");
    await expect(run(songs.dataset, server)).rejects.toThrow(
      /holds a line that is no answer; delete the file/,
    );
    writeFileSync(journal, "");
    await run(songs.dataset, server, {}, { preview: true });
    expect(await run(songs.dataset, server, {}, { restart: true })).toMatchObject({
      answered: 2,
      resumed: 0,
    });
  });
});

describe("a folder", () => {
  test("gets sidecars with times, keeps what the user wrote, and a scan finds everything and who made it", async () => {
    using songs = songFolder(2);
    writeFileSync(join(songs.path, "song-000.txt"), "mine\n");
    await using server = await loopback(heard);
    const report = await run(songs.path, server);
    expect(report.written.map((path) => path.slice(songs.path.length + 1))).toEqual([
      "song-001.lyrics.txt",
      "song-001.lrc",
    ]);
    expect(readFileSync(join(songs.path, "song-001.lyrics.txt"), "utf8")).toBe("la la\nlu\n");
    expect(readFileSync(join(songs.path, "song-001.lrc"), "utf8")).toBe(
      "[00:00.00]la la\n[00:00.90]\n[00:01.00]lu\n[00:01.40]\n",
    );
    const { dataset } = await scanFolder(songs.path);
    expect(lyricsOf(dataset.samples)).toEqual(["mine", "la la\nlu"]);
    expect(dataset.samples[1]?.["acewright"]).toMatchObject({
      lyric_lines: [
        { start_s: 0, end_s: 0.9, text: "la la" },
        { start_s: 1, end_s: 1.4, text: "lu" },
      ],
      provenance: { lyrics: { by: "openai", model: "whisper-1" } },
    });
    // Words that were edited since are the user's own.
    writeFileSync(join(songs.path, "song-001.lyrics.txt"), "la la\nlo\n");
    expect((await scanFolder(songs.path)).dataset.samples[1]?.["acewright"]).not.toHaveProperty("provenance");
    expect(server.arrived.length).toBe(1);
  });

  test("is overwritten only when asked for, and what was there is kept", async () => {
    using songs = songFolder(1);
    const sidecar = join(songs.path, "song-000.lyrics.txt");
    writeFileSync(sidecar, "mine\n");
    writeFileSync(join(songs.path, "song-000.lrc"), "[00:05.00]mine\n");
    await using server = await loopback(heard);
    expect((await run(songs.path, server)).answered).toBe(0);
    await run(songs.path, server, { policy: "overwrite-lyrics" });
    expect(readFileSync(sidecar, "utf8")).toBe("la la\nlu\n");
    expect(readFileSync(`${sidecar}.bak`, "utf8")).toBe("mine\n");
    expect(readFileSync(join(songs.path, "song-000.lrc.bak"), "utf8")).toBe("[00:05.00]mine\n");
  });

  test("songs without words are remembered", async () => {
    using songs = songFolder(1);
    await using server = await loopback(() => ({ body: { text: "" } }));
    expect((await run(songs.path, server)).withoutLyrics.length).toBe(1);
    expect((await run(songs.path, server)).answered).toBe(0);
    expect(existsSync(join(songs.path, "song-000.lyrics.txt"))).toBe(false);
  });

  test("a damaged record is named before anybody is asked", async () => {
    using songs = songFolder(1);
    writeFileSync(join(songs.path, "acewright-annotations.json"), "[");
    await using server = await loopback(heard);
    await expect(run(songs.path, server)).rejects.toThrow(/acewright-annotations\.json: is no record/);
    expect(server.arrived).toEqual([]);
    expect((await scanFolder(songs.path)).report.warnings).toEqual([
      expect.stringMatching(/is no record of annotations/),
    ]);
  });
});

test("the key is in no file, also where the server sends it back in lyrics, notes and errors", async () => {
  for (const target of ["dataset", "path"] as const) {
    using songs = songFolder(4);
    await using server = await loopback(({ headers }, number) =>
      number === 2
        ? { status: 400, body: { error: String(headers.authorization) } }
        : { body: whisperAnswer(`sing ${testKey} loud`) },
    );
    const preview = await run(songs[target], server, { concurrency: 1 }, { preview: true });
    expect(everythingIn(songs.path)).not.toContain(testKey);
    const report = await run(songs[target], server, { concurrency: 1 });
    expect(report.changes.some(({ after }) => after === "sing [key] loud")).toBe(true);
    expect(JSON.stringify([preview, report])).not.toContain(testKey);
    expect(everythingIn(songs.path)).not.toContain(testKey);
    expect(server.arrived[0]?.headers.authorization).toBe(`Bearer ${testKey}`);
  }
});

test.each<[Partial<TranscribeSettings>, RegExp]>([
  [{ concurrency: 0 }, /^concurrency: /],
  [{ language: "English" }, /^language: a code such as en/],
  [{ timeoutS: 301 }, /^timeoutS: /],
  [{ nonsense: 1 } as object, /nonsense/],
])("the setting %j is refused by name", async (settings, message) => {
  using songs = songFolder(1);
  await expect(
    planAnnotation(songs.dataset, { task: "transcribe", settings }, { environment }),
  ).rejects.toThrow(message);
});
