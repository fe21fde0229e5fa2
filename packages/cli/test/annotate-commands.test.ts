import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { main } from "../src/main.js";
import { toyFolders } from "../src/models/toy.js";
import { lineDiff } from "../src/render/text-diff.js";
import { startAcewright } from "./acewright-process.js";
import { recordingTerminal } from "./recording-terminal.js";

const key = "sk-cli-0123456789abcdef";
let folder: string;
let file: string;
let server: Server;
let url: string;
let asked: number;
/** What the transcriber answers to the nth request: a status, lyrics, or nothing for ever. */
let answer: (number: number) => number | string | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "acewright-annotate-cli-"));
  file = join(folder, "dataset.json");
  cpSync(toyFolders().songs, join(folder, "songs"), { recursive: true });
  await run("dataset", "scan", join(folder, "songs"), "-o", file);
  asked = 0;
  answer = () => "[Verse 1]\nla";
  server = createServer((request, response) => {
    request.resume().on("end", () => {
      const said = answer(++asked);
      if (said === undefined) return;
      const status = typeof said === "number" ? said : 200;
      response.writeHead(status, { "content-type": "application/json" });
      const error = { error: { message: `refused ${String(request.headers.authorization)}` } };
      response.end(JSON.stringify(status === 200 ? { text: said } : error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  vi.stubEnv("OPENAI_API_KEY", key);
});
afterEach(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

/** One command line in this process. */
async function run(...args: string[]) {
  return runAt(recordingTerminal({ columns: 160 }), ...args);
}

async function runAt(terminal: ReturnType<typeof recordingTerminal>, ...args: string[]) {
  const never = new AbortController().signal;
  const code = await main(args, { terminal, signal: never, stopNow: never });
  expect(terminal.written.out + terminal.written.err).not.toContain(key);
  return { code, ...terminal.written };
}

const transcribe = (...more: string[]): string[] => {
  const words = ["dataset", "transcribe", file, "--base-url", url, "--policy", "overwrite-lyrics"];
  return [...words, "--retry-wait-s", "0", ...more];
};
const lyrics = (): unknown[] =>
  (JSON.parse(readFileSync(file, "utf8")) as { samples: { lyrics: unknown }[] }).samples.map(
    (song) => song.lyrics,
  );

test("a dry run counts, needs no key and asks nobody", async () => {
  vi.stubEnv("OPENAI_API_KEY", "");
  const { code, out } = await run("dataset", "transcribe", file, "--policy", "overwrite-lyrics", "--dry-run");
  expect(out).toMatch(
    /transcribe by openai whisper-1 \(overwrite-lyrics\): 3 of 3 songs, at least 3 calls, \d.* min of audio \(.*\) to https:\/\/api\.openai\.com/,
  );
  expect(out).toMatch(/ {2}lyrics: .*overwrite \d/);
  expect(out).toMatch(/nothing asked, nothing written \(--dry-run\)/);
  expect([code, asked]).toEqual([0, 0]);
  const json = await run(
    "dataset",
    "transcribe",
    file,
    "--policy",
    "overwrite-lyrics",
    "--dry-run",
    "--json",
  );
  expect(JSON.parse(json.out)).toMatchObject({ estimate: { songs: 3, asked: 3, calls: 3 }, written: [] });
});

test("without --yes nothing starts where nobody can answer, nor where the answer is no", async () => {
  const silent = await run(...transcribe());
  expect(silent).toMatchObject({
    code: 2,
    err: expect.stringMatching(/3 calls would be made; add --yes/) as string,
  });
  const questions: string[] = [];
  const person = (word: string) => {
    const ask = (question: string): Promise<string> => {
      questions.push(question);
      return Promise.resolve(word);
    };
    return Object.assign(recordingTerminal({ columns: 160, interactive: true }), { ask });
  };
  expect(await runAt(person("n"), ...transcribe())).toMatchObject({
    code: 2,
    err: expect.stringMatching(/not started/) as string,
  });
  expect(asked).toBe(0);
  expect(await runAt(person("y"), ...transcribe())).toMatchObject({ code: 0 });
  expect([asked, questions]).toEqual([3, Array(2).fill("start 3 calls? [y/N] ")]);
});

test("a preview shows the differences, the run writes them unasked, an undo takes them back", async () => {
  const before = readFileSync(file, "utf8");
  const preview = await run(...transcribe("--yes", "--preview"));
  expect(preview.code).toBe(0);
  expect(preview.out).toMatch(
    /bells-one\.flac lyrics\n(?:[- ] .*\n)*\+ \[Verse 1\]|bells-one\.flac lyrics\n(?:[-+ ] .*\n)*\+ la/,
  );
  expect(preview.out).toMatch(/nothing written \(--preview\)/);
  expect(readFileSync(file, "utf8")).toBe(before);
  const real = await run(...transcribe());
  expect(real.out).toMatch(/changes; written: .*dataset\.json; acewright dataset undo takes it back/);
  expect(asked).toBe(3);
  expect(lyrics()).toEqual(Array(3).fill("[Verse 1]\nla"));
  await run("dataset", "undo", file);
  expect(readFileSync(file, "utf8")).toBe(before);
});

test("--json tells progress and the report; a song that fails ends it with 2 and keeps the others", async () => {
  answer = (number) => (number === 2 ? 413 : "la");
  const { code, out, err } = await run(...transcribe("--yes", "--json", "--concurrency", "1"));
  const lines = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.slice(0, 3)).toMatchObject([1, 2, 3].map((done) => ({ type: "progress", done, total: 3 })));
  expect(lines[3]).toMatchObject({
    answered: 2,
    failed: [{ error: expect.stringMatching(/413: refused Bearer \[key\]/) as string }],
  });
  expect(code).toBe(2);
  expect(JSON.parse(err)).toMatchObject({
    error: { code: "ERR_SERVICE", message: expect.stringMatching(/1 songs have no answer/) as string },
  });
  expect(lyrics().filter((text) => text === "la").length).toBe(2);
});

test("a wrong key is one line", async () => {
  answer = () => 401;
  const { code, err } = await run(...transcribe("--yes"));
  expect(err.trimEnd().split("\n").at(-1)).toMatch(
    /^error: OpenAI \(127.*\) answered 401: refused Bearer \[key\]; check OPENAI_API_KEY$/,
  );
  expect(code).toBe(2);
});

test.each([
  [["transcribe", "FILE", "--provider", "elevenlabs"], /ELEVENLABS_API_KEY is not set/],
  [["transcribe", "FILE", "--provider", "transcriber"], /needs the address of a server: --base-url/],
  [
    ["transcribe", "FILE", "--provider", "siri"],
    /--provider takes one of openai, elevenlabs, gemini, transcriber, genius/,
  ],
  [["transcribe", "absent.json"], /absent\.json: does not exist; name a folder of songs or a dataset\.json/],
  [["transcribe", "FILE", "--language", "English"], /--language takes a code such as en, got "English"/],
  [["caption", "FILE"], /GEMINI_API_KEY is not set/],
  [["caption", "FILE", "--provider", "openai", "--base-url", "file:///x"], /base URL of OpenAI: http/],
  [["caption", "FILE", "--prompt-file", "EMPTY"], /empty\.txt: is empty; write the prompt into it/],
])("`acewright dataset %j` ends with one line and exit code 2", async (words, message) => {
  vi.stubEnv("ELEVENLABS_API_KEY", "");
  vi.stubEnv("GEMINI_API_KEY", "");
  const empty = join(folder, "empty.txt");
  writeFileSync(empty, " \n");
  const { code, err } = await run(
    "dataset",
    ...words.map((word) => word.replace("FILE", file).replace("EMPTY", empty)),
  );
  expect(err.trimEnd().split("\n").at(-1)).toMatch(message);
  expect([code, asked]).toEqual([2, 0]);
});

test("Ctrl-C saves what was answered, says so and ends with 130", async () => {
  answer = (number) => (number > 1 ? undefined : "first");
  const env = { OPENAI_API_KEY: key };
  const child = startAcewright(transcribe("--yes", "--json", "--concurrency", "1"), { env });
  await child.saw('"done":1');
  while (asked < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill("SIGINT");
  const { code, out, err } = await child.ended;
  expect([code, JSON.parse(err)]).toMatchObject([130, { error: { code: "INTERRUPTED" } }]);
  expect(out).not.toContain(key);
  expect(lyrics().filter((text) => text === "first").length).toBe(1);
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  answer = () => "then";
  expect((await run(...transcribe("--yes"))).err).toMatch(/1 songs are answered already by the run before/);
  expect(lyrics().sort()).toEqual(["first", "then", "then"]);
});

test("a difference of lines is the shortest one", () => {
  const diff = (a: string, b: string): string =>
    lineDiff([...a.split("")], [...b.split("")])
      .map(({ sign, line }) => sign + line)
      .join("");
  expect(diff("abc", "abc")).toBe(" a b c");
  expect(diff("abcd", "axcd")).toBe(" a-b+x c d");
  expect(diff("", "ab")).toBe("+a+b");
  expect(diff("ab", "")).toBe("-a-b");
  expect(diff("abcabba", "cbabac").replace(/[+-]./g, "").length).toBe(8);
});
