import { caption } from "@acewright/dataset";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { writeWav } from "../../src/audio/write-wav.js";
import { openCaptioner, openTranscriber } from "../../src/annotate/providers/open-provider.js";
import type { Annotation, Provider } from "../../src/annotate/providers/provider.js";
import { fromFileName, songIdentity } from "../../src/annotate/runs/song-identity.js";
import { CaptionSettings, TranscribeSettings } from "../../src/annotate/runs/settings.js";
import { Sample } from "../../src/dataset-file/schema.js";
import { loopback, type Arrived, type Handler } from "./loopback.js";
import { hasty, songFolder, testKey, whisperAnswer, type SongFolder } from "./songs.js";

const never = new AbortController().signal;
let songs: SongFolder;
beforeEach(() => {
  songs = songFolder(1);
});
afterEach(() => {
  songs[Symbol.dispose]();
  vi.unstubAllEnvs();
});

const environment = {
  OPENAI_API_KEY: testKey,
  ELEVENLABS_API_KEY: testKey,
  GEMINI_API_KEY: testKey,
  GENIUS_API_TOKEN: testKey,
};
const keys = { environment, areNeeded: true };

function transcriber(settings: object, prompt?: string): Provider {
  return openTranscriber(TranscribeSettings.parse({ ...hasty, ...settings }), prompt, keys);
}

function captioner(settings: object, prompt?: string, more = {}): Provider {
  const all = { environment: { ...environment, ...more }, areNeeded: true };
  return openCaptioner(CaptionSettings.parse({ ...hasty, ...settings }), prompt, all);
}

async function annotate(
  handle: Handler,
  make: (url: string) => Provider,
  song: { audioFile?: string; artist?: string; title?: string; wants?: Provider["gives"] } = {},
): Promise<{ annotation: Annotation; arrived: Arrived[] }> {
  await using server = await loopback(handle);
  const provider = make(server.url);
  const { audioFile = songs.song(0), artist, title, wants = provider.gives } = song;
  const identity = { artist, title, fileName: "song.wav" };
  const annotation = await provider.annotate({ audioFile, identity, wants }, never);
  return { annotation, arrived: server.arrived };
}

describe("OpenAI transcriptions", () => {
  const make =
    (settings = {}) =>
    (url: string) =>
      transcriber({ provider: "openai", baseUrl: `${url}/v1`, ...settings }, "Ann, Bo");

  test("send the song with word and segment stamps asked for, and give lines with times", async () => {
    const { annotation, arrived } = await annotate(
      () => ({ body: whisperAnswer("Hello you. Bye", 0.8) }),
      make({ language: "en" }),
    );
    const [request] = arrived;
    expect([request?.method, request?.url, request?.headers.authorization]).toEqual([
      "POST",
      "/v1/audio/transcriptions",
      `Bearer ${testKey}`,
    ]);
    expect(await request?.form()).toEqual([
      ["file", "song.wav audio/wav 1644"],
      ["model", "whisper-1"],
      ["response_format", "verbose_json"],
      ["timestamp_granularities[]", "word"],
      ["timestamp_granularities[]", "segment"],
      ["language", "en"],
      ["prompt", "Ann, Bo"],
    ]);
    expect(annotation).toMatchObject({ lyrics: "Hello you\nBye", language: "en", confidence: 0.8 });
    expect(annotation.lyricLines?.map(({ start_s, end_s }) => [start_s, end_s])).toEqual([
      [0, 0.9],
      [1, 1.4],
    ]);
  });

  test("take the segments' confidence for words without one, and drop what stands in silence", async () => {
    const body = {
      text: "La la Thanks for watching",
      language: "en",
      words: [
        { word: "La", start: 0, end: 1 },
        { word: "la", start: 1, end: 2 },
        { word: "Thanks", start: 30.2, end: 31 },
      ],
      segments: [
        { text: "La la", start: 0, end: 2, avg_logprob: Math.log(0.25), no_speech_prob: 0.1 },
        { text: "Thanks for watching", start: 30, end: 32, avg_logprob: -1.5, no_speech_prob: 0.9 },
      ],
    };
    const { annotation } = await annotate(() => ({ body }), make());
    expect(annotation).toMatchObject({ lyrics: "La la", confidence: 0.25 });
    const silent = { ...body, segments: body.segments.slice(1) };
    expect((await annotate(() => ({ body: silent }), make())).annotation).toEqual({ lyrics: "" });
  });

  test("of models without stamps are asked for as plain JSON with their confidence", async () => {
    const body = { text: "La la.", logprobs: [{ token: "La", logprob: Math.log(0.5) }] };
    const { annotation, arrived } = await annotate(() => ({ body }), make({ model: "gpt-4o-transcribe" }));
    expect(annotation).toEqual({ lyrics: "La la.", confidence: 0.5 });
    expect(await arrived[0]?.form()).toEqual(
      expect.arrayContaining([
        ["response_format", "json"],
        ["include[]", "logprobs"],
      ]),
    );
  });

  test.each<[string, unknown]>([
    ["no JSON", "{"],
    ["a list", []],
    ["words without times", { text: "a", words: [{ word: "a" }] }],
    ["a text that is a number", { text: 3 }],
  ])("that are %s are asked for again and then refused", async (_, body) => {
    await using server = await loopback(() => ({ body }));
    const song = {
      audioFile: songs.song(0),
      identity: { artist: undefined, title: undefined, fileName: "x" },
      wants: [],
    };
    const asked = make({ retries: 1 })(server.url).annotate(song, never);
    await expect(asked).rejects.toMatchObject({ code: "ERR_SERVICE", scope: "song" });
    expect(server.arrived.length).toBe(2);
  });
});

test("ElevenLabs is sent the song and gives its words, without sounds and spaces", async () => {
  const word = (text: string, start: number, type = "word", logprob = Math.log(0.5)) => ({
    text,
    start,
    end: start + 0.4,
    type,
    logprob,
  });
  const body = {
    language_code: "deu",
    text: "ignored",
    words: [
      word("Hallo", 0),
      word(" ", 0.4, "spacing"),
      word("(laughter)", 0.5, "audio_event"),
      word("Welt.", 1),
      word("Ende", 9),
    ],
  };
  const { annotation, arrived } = await annotate(
    () => ({ body }),
    (url) => transcriber({ provider: "elevenlabs", baseUrl: url }),
  );
  expect([arrived[0]?.url, arrived[0]?.headers["xi-api-key"]]).toEqual(["/v1/speech-to-text", testKey]);
  expect(await arrived[0]?.form()).toEqual([
    ["file", "song.wav audio/wav 1644"],
    ["model_id", "scribe_v2"],
  ]);
  expect(annotation).toMatchObject({ lyrics: "Hallo Welt\nEnde", language: "de", confidence: 0.5 });
  expect(annotation.lyricLines?.map(({ start_s }) => start_s)).toEqual([0, 9]);
});

describe("a transcriber server", () => {
  const make = (url: string): Provider => transcriber({ provider: "transcriber", baseUrl: url });
  test.each<[string, unknown, string, Annotation]>([
    [
      "lyrics",
      { lyrics: "[Verse]\nla", language: "ja" },
      "application/json",
      { lyrics: "[Verse]\nla", language: "ja" },
    ],
    ["text", { text: "la" }, "application/json; charset=utf-8", { lyrics: "la" }],
    [
      "plain text under headings",
      "# Languages\nzh\n\n# Lyrics\n[Verse]\n啦",
      "text/plain",
      { lyrics: "[Verse]\n啦", language: "zh" },
    ],
    [
      "words",
      { text: "la", words: [{ word: "la", start: 1, end: 2, probability: 0.5 }] },
      "application/json",
      {
        lyrics: "la",
        confidence: 0.5,
        lyricLines: [
          { start_s: 1, end_s: 2, text: "la", confidence: 0.5, words: [{ start_s: 1, text: "la" }] },
        ],
      },
    ],
    ["nothing sung", { lyrics: "[Instrumental]" }, "application/json", { lyrics: "" }],
  ])("answers with %s", async (_, body, type, expected) => {
    const { annotation, arrived } = await annotate(() => ({ body, headers: { "content-type": type } }), make);
    expect(annotation).toEqual(expected);
    expect([arrived[0]?.method, arrived[0]?.url]).toEqual(["POST", "/transcribe"]);
    expect(await arrived[0]?.form()).toEqual([["file", "song.wav audio/wav 1644"]]);
    expect(JSON.stringify(arrived[0]?.headers)).not.toContain(testKey);
  });
});

describe("Gemini", () => {
  const said = (text: string, more = {}) => ({
    body: {
      candidates: [
        {
          content: { parts: [{ text: "thinking", thought: true }, { text }] },
          finishReason: "STOP",
          ...more,
        },
      ],
    },
  });

  test("is sent the song inline and gives caption and lyrics in one call", async () => {
    const answer =
      '```json\n{"caption":"Slow bells.","genre":"ambient","bpm":60,"language":"en","lyrics":"[Verse 1]\\nla"}\n```';
    const { annotation, arrived } = await annotate(
      () => said(answer),
      (url) => captioner({ baseUrl: url }, "Describe {title} by {artist}"),
      { artist: "Ann", title: "Bells" },
    );
    const [request] = arrived;
    expect([request?.method, request?.url, request?.headers["x-goog-api-key"]]).toEqual([
      "POST",
      "/v1beta/models/gemini-3-pro-preview:generateContent",
      testKey,
    ]);
    const { contents, generationConfig } = request?.json() as {
      contents: { parts: { text?: string; inlineData?: { mimeType: string; data: string } }[] }[];
      generationConfig: object;
    };
    const [audio, prompt] = contents[0]?.parts ?? [];
    expect(audio?.inlineData?.mimeType).toBe("audio/wav");
    expect(Buffer.from(audio?.inlineData?.data ?? "", "base64")).toEqual(readFileSync(songs.song(0)));
    expect(prompt?.text).toMatch(/^Describe Bells by Ann\n\nAnswer with one JSON object/);
    expect(generationConfig).toEqual({
      responseMimeType: "application/json",
      thinkingConfig: { thinkingLevel: "HIGH" },
    });
    expect(annotation).toEqual({
      caption: "Slow bells.",
      genre: "ambient",
      bpm: 60,
      language: "en",
      lyrics: "[Verse 1]\nla",
    });
  });

  test("of an older model is given temperature instead of a level of thinking", async () => {
    const { arrived } = await annotate(
      () => said('{"caption":"x"}'),
      (url) => captioner({ baseUrl: url, model: "gemini-2.5-flash" }),
    );
    expect(arrived[0]?.json()["generationConfig"]).toEqual({
      responseMimeType: "application/json",
      temperature: 0.45,
      topP: 0.9,
    });
  });

  test("transcribes alone too", async () => {
    const { annotation, arrived } = await annotate(
      () => said('{"lyrics":"[Chorus]\\nla","language":"fr"}'),
      (url) => transcriber({ provider: "gemini", baseUrl: url }),
    );
    expect(annotation).toEqual({ lyrics: "[Chorus]\nla", language: "fr" });
    expect(JSON.stringify(arrived[0]?.json())).toMatch(/Write down the words that are sung/);
  });

  test.each<[string, object, RegExp, number]>([
    [
      "blocked",
      { body: { promptFeedback: { blockReason: "SAFETY" } } },
      /gave no answer for this song \(SAFETY\)/,
      1,
    ],
    ["stopped for quoting", { body: { candidates: [{ finishReason: "RECITATION" }] } }, /\(RECITATION\)/, 1],
    ["cut off", said('{"caption":"x', { finishReason: "MAX_TOKENS" }), /no JSON object \(MAX_TOKENS\)/, 2],
    ["without a caption", said('{"lyrics":"la"}'), /without a caption/, 2],
  ])("is told apart when the answer is %s", async (_, reply, message, calls) => {
    await using server = await loopback(() => reply);
    const provider = captioner({ baseUrl: server.url, retries: 1 });
    const song = {
      audioFile: songs.song(0),
      identity: { artist: undefined, title: undefined, fileName: "x" },
      wants: provider.gives,
    };
    await expect(provider.annotate(song, never)).rejects.toThrow(message);
    expect(server.arrived.length).toBe(calls);
  });

  test("is sent a song above 20 MB in pieces, going on after a cut, and the copy is deleted", async () => {
    const big = join(songs.path, "big.wav");
    writeWav(big, [new Float32Array(10_500_000).map((_, i) => Math.sin(i / 50))], 48_000);
    const whole = readFileSync(big);
    let received = Buffer.alloc(0);
    let cuts = 0;
    const { annotation, arrived } = await annotate(
      ({ method, url, headers, body }, number) => {
        if (url.startsWith("/upload/v1beta/files"))
          return { headers: { "x-goog-upload-url": `http://${headers.host ?? ""}/session?upload_id=1` } };
        if (url.startsWith("/session")) {
          if (headers["x-goog-upload-command"] === "query")
            return { headers: { "x-goog-upload-size-received": String(received.length) } };
          // Half of the second piece arrives, then the connection is gone.
          const isCut = received.length > 0 && cuts++ === 0;
          expect(Number(headers["x-goog-upload-offset"])).toBe(received.length);
          received = Buffer.concat([received, isCut ? body.subarray(0, 4 * 2 ** 20) : body]);
          if (isCut) return { cut: "before" };
          const isLast = headers["x-goog-upload-command"] === "upload, finalize";
          return isLast
            ? { body: { file: { name: "files/abc", uri: "https://x/files/abc", state: "PROCESSING" } } }
            : {};
        }
        if (url === "/v1beta/files/abc" && method === "GET")
          return { body: { name: "files/abc", uri: "https://x/files/abc", state: "ACTIVE" } };
        if (url === "/v1beta/files/abc" && method === "DELETE") return {};
        return number > 0 ? said('{"caption":"big","lyrics":""}') : {};
      },
      (url) => captioner({ baseUrl: url }),
      { audioFile: big },
    );
    expect(received.equals(whole)).toBe(true);
    expect(annotation).toEqual({ caption: "big", lyrics: "" });
    expect(cuts).toBeGreaterThan(1);
    const { contents } = arrived.find(({ url }) => url.endsWith(":generateContent"))?.json() as {
      contents: { parts: object[] }[];
    };
    expect(contents[0]?.parts[0]).toEqual({
      fileData: { mimeType: "audio/wav", fileUri: "https://x/files/abc" },
    });
    expect(arrived.at(-1)?.method).toBe("DELETE");
    // The session's address carries its own permission.
    expect(
      arrived.filter(
        ({ url, headers }) => url.startsWith("/session") && headers["x-goog-api-key"] !== undefined,
      ),
    ).toEqual([]);
  });

  test("may not send the song to another origin", async () => {
    const big = join(songs.path, "big.wav");
    writeWav(big, [new Float32Array(10_500_000)], 48_000);
    await using other = await loopback(() => ({}));
    const asked = annotate(
      () => ({ headers: { "x-goog-upload-url": `${other.url}/session` } }),
      (url) => captioner({ baseUrl: url }),
      { audioFile: big },
    );
    await expect(asked).rejects.toThrow(/which is not asked/);
    expect(other.arrived).toEqual([]);
  });
});

describe("OpenAI captions", () => {
  const reply = (content: string) => ({
    body: { choices: [{ message: { content }, finish_reason: "stop" }] },
  });
  const five = "Caption: Slow bells. They ring.\nGenre: ambient\nBPM: 60\nKey: Am\nSignature: 4/4";

  function hasFfmpeg(): boolean {
    try {
      execFileSync("ffmpeg", ["-version"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  }

  test.skipIf(!hasFfmpeg())(
    "are asked with the song as mono mp3 by ffmpeg, and read from five lines",
    async () => {
      const { annotation, arrived } = await annotate(
        () => reply(five),
        (url) => captioner({ provider: "openai", baseUrl: `${url}/v1` }),
      );
      expect([arrived[0]?.url, arrived[0]?.headers.authorization]).toEqual([
        "/v1/chat/completions",
        `Bearer ${testKey}`,
      ]);
      const body = arrived[0]?.json() as {
        model: string;
        temperature: number;
        top_p: number;
        messages: { content: { input_audio?: { data: string; format: string } }[] }[];
      };
      expect(body).toMatchObject({
        model: "gpt-4o-audio-preview",
        temperature: 0.45,
        top_p: 0.9,
        modalities: ["text"],
        max_tokens: 4096,
      });
      const audio = body.messages[0]?.content[1]?.input_audio;
      expect(audio?.format).toBe("mp3");
      const frame = Buffer.from(audio?.data ?? "", "base64");
      expect(frame.subarray(0, 3).toString() === "ID3" || frame[0] === 0xff).toBe(true);
      expect(annotation).toEqual({
        caption: "Slow bells. They ring.",
        genre: "ambient",
        bpm: 60,
        keyscale: "A minor",
        timesignature: "4",
      });
    },
  );

  // Decoding takes a worker thread, which only the built package has.
  const captionBuilt = (url: string, more: object) => {
    vi.stubEnv("PATH", songs.path);
    const settings = { ...hasty, provider: "openai", baseUrl: url, ...more } as const;
    return caption(songs.dataset, settings, { environment: { ...environment, OPENAI_MODEL: "qwen" } });
  };

  test("without ffmpeg are asked with mono WAV", async () => {
    writeWav(
      songs.song(0),
      [Float32Array.from({ length: 44_100 }, () => 0.5), new Float32Array(44_100)],
      44_100,
    );
    await using server = await loopback(() => reply(five));
    expect(await captionBuilt(server.url, {})).toMatchObject({ answered: 1, failed: [] });
    const body = server.arrived[0]?.json() as {
      model: string;
      messages: { content: { input_audio?: { data: string; format: string } }[] }[];
    };
    expect(body.model).toBe("qwen");
    const audio = body.messages[0]?.content[1]?.input_audio;
    const wav = Buffer.from(audio?.data ?? "", "base64");
    expect([audio?.format, wav.toString("latin1", 0, 4)]).toEqual(["wav", "RIFF"]);
    expect([wav.readUInt16LE(22), wav.readUInt32LE(24)]).toEqual([1, 44_100]);
    expect(Math.abs(wav.readInt16LE(44 + 2 * 20_000) / 32_768 - 0.25)).toBeLessThan(0.01);
  });

  test("without ffmpeg a song that fits in no form is refused in one line", async () => {
    writeWav(songs.song(0), [new Float32Array(48_000 * 40)], 48_000);
    await using server = await loopback(() => reply(five));
    const { failed } = await captionBuilt(server.url, { maxUploadMb: 1 });
    expect(failed.map(({ error }) => error)).toEqual([
      expect.stringMatching(/song-000\.wav: is 0\.7 min; .* MB without ffmpeg; install ffmpeg/),
    ]);
    expect(server.arrived).toEqual([]);
  });

  test("that were declined or hold none are refused", async () => {
    const make = (url: string): Provider => captioner({ provider: "openai", baseUrl: url, retries: 0 });
    const declined = { body: { choices: [{ message: { content: null, refusal: "I cannot" } }] } };
    await expect(annotate(() => declined, make)).rejects.toThrow(/declined: I cannot/);
    await expect(annotate(() => reply(" "), make)).rejects.toThrow(/without a caption/);
  });
});

describe("Genius", () => {
  const hit = (artist: string, title: string, path: string, more = {}) => ({
    type: "song",
    result: {
      title,
      path,
      primary_artist: { name: artist },
      language: "en",
      url: `https://elsewhere.example${path}`,
      ...more,
    },
  });
  const page = '<html><div data-lyrics-container="true">[Verse 1: Ann]<br>la<br><br>lu</div></html>';
  const site =
    (
      hits: object[],
      found: object = { body: page, headers: { "content-type": "text/html; charset=utf-8" } },
    ): Handler =>
    ({ url }) =>
      url.startsWith("/search") ? { body: { meta: { status: 200 }, response: { hits } } } : found;
  const make = (url: string): Provider => transcriber({ provider: "genius", baseUrl: url, retries: 0 });

  test("is searched by artist and title, and the page of the right hit is read without the key", async () => {
    const hits = [
      hit("Other", "Two Times", "/other"),
      hit("The Ann Lee", "2 Times", "/x"),
      hit("Ann Lee", "Two Times (Radio Edit)", "/Ann-lee-two-times-lyrics"),
    ];
    const { annotation, arrived } = await annotate(site(hits), make, {
      artist: "Ánn Lee",
      title: "Two times",
    });
    expect(annotation).toEqual({
      lyrics: "[Verse 1]\nla\n\nlu",
      language: "en",
      notes: ["Ann Lee - Two Times (Radio Edit)"],
    });
    expect(arrived.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      [`/search?q=${encodeURIComponent("Ánn").replace("%20", "+")}+Lee+Two+times`, `Bearer ${testKey}`],
      ["/Ann-lee-two-times-lyrics", undefined],
    ]);
  });

  test("knows instrumentals", async () => {
    const { annotation } = await annotate(
      site([hit("Ann", "Bells", "/b", { lyrics_state: "instrumental" })]),
      make,
      { artist: "Ann", title: "Bells" },
    );
    expect(annotation).toEqual({ lyrics: "" });
  });

  test.each<[string, Handler, object, RegExp]>([
    ["no artist", site([]), { title: "Bells" }, /has no artist to search for .*--default-artist/],
    ["no hit", site([]), { artist: "Ann", title: "Bells" }, /has no song "Ann - Bells"$/],
    [
      "another song",
      site([hit("Bo", "Drums", "/d")]),
      { artist: "Ann", title: "Bells" },
      /nearest is "Bo - Drums"/,
    ],
    [
      "a page that is gone",
      site([hit("Ann", "Bells", "/b")], { status: 404 }),
      { artist: "Ann", title: "Bells" },
      /has no such page/,
    ],
    [
      "a page without lyrics",
      site([hit("Ann", "Bells", "/b")], { body: "<p>x</p>", headers: { "content-type": "text/html" } }),
      { artist: "Ann", title: "Bells" },
      /\/b holds no lyrics/,
    ],
    [
      "a path to another host",
      site([hit("Ann", "Bells", "//evil.example/x")]),
      { artist: "Ann", title: "Bells" },
      /another form .*path below the site/,
    ],
  ])("with %s is refused for this song alone", async (_, handle, song, message) => {
    await expect(annotate(handle, make, song)).rejects.toMatchObject({
      scope: "song",
      message: expect.stringMatching(message) as string,
    });
  });
});

test.each([
  ["Ann Lee - Two Times.mp3", "Ann Lee", "Two Times"],
  ["03 - Ann Lee - Two Times.flac", "Ann Lee", "Two Times"],
  ["03. Ann Lee – Two Times - Live.flac", "Ann Lee", "Two Times - Live"],
  ["12 Ann - Bells.wav", "Ann", "Bells"],
  ["Ann_Lee_-_Two_Times.ogg", "Ann Lee", "Two Times"],
  ["bells.wav", undefined, "bells"],
  ["1-2.wav", undefined, "1-2"],
  ["99 Luftballons.mp3", undefined, "99 Luftballons"],
])("%s is %j, %j", (name, artist, title) => {
  expect(fromFileName(name)).toEqual({ artist, title });
});

test("tags come before the file name, the default artist last", () => {
  const sample = Sample.parse({ acewright: { artist: "Tag" } });
  expect(songIdentity(sample, "/x/Ann - Bells.wav", "Default")).toEqual({
    artist: "Tag",
    title: "Bells",
    fileName: "Ann - Bells.wav",
  });
  expect(songIdentity(Sample.parse({}), "/x/Bells.wav", "Default").artist).toBe("Default");
});

test("a key that is missing is asked for by name, unless the server is one's own or nothing will be asked", () => {
  const settings = TranscribeSettings.parse({ provider: "elevenlabs" });
  const none = { environment: {}, areNeeded: true };
  expect(() => openTranscriber(settings, undefined, none)).toThrow(/^ELEVENLABS_API_KEY is not set/);
  expect(() => openTranscriber(settings, undefined, { ...none, areNeeded: false })).not.toThrow();
  expect(() =>
    openTranscriber({ ...settings, baseUrl: "http://127.0.0.1:1" }, undefined, none),
  ).not.toThrow();
  expect(() => openTranscriber({ ...settings, provider: "transcriber" }, undefined, none)).toThrow(
    /needs the address of a server/,
  );
  const own = openTranscriber({ ...settings, provider: "openai" }, undefined, {
    environment: { OPENAI_BASE_URL: "http://10.0.0.9/v1", OPENAI_API_KEY: testKey },
    areNeeded: true,
  });
  expect([own.origin, own.warnings]).toEqual([
    "http://10.0.0.9",
    ["the key goes to http://10.0.0.9 unencrypted; use https"],
  ]);
});
