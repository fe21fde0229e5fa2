import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Benchmark, MeasuredRow } from "@acewright/trainer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { benchWords } from "../../src/commands/bench.js";
import { main } from "../../src/main.js";
import { toyFolders } from "../../src/models/toy.js";
import { Output } from "../../src/output.js";
import { startAcewright } from "../acewright-process.js";
import { recordingTerminal } from "../recording-terminal.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-bench-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const small = ["--device", "cpu", "--adapter", "lora", "--rank", "2", "--gradient-accumulation", "1"];
const words = ["bench", "-m", toyFolders().checkpoints, "--condition-tokens", "32", ...small];

async function acewright(...args: readonly string[]) {
  const terminal = recordingTerminal();
  const never = new AbortController().signal;
  const code = await main(args, { terminal, signal: never, stopNow: never });
  return { code, ...terminal.written };
}

test("the toy's steps are a row a length, what runs is said, and nothing is written", async () => {
  const before = readdirSync(".");
  const { code, out, err } = await acewright(...words, "--seconds", "2,4", "--steps", "3", "--warmup", "1");
  expect(code).toBe(0);
  expect(out).toMatch(/^device: cpu, \d+ threads?: .+\nmodel: acestep-v15-toy, 6 layers of width 160\n/);
  expect(out).toContain("step: lora, rank 2, adamw, batch 1, 1 accumulated; 3 timed after 1 to warm up\n");
  const [titles = "", ...rows] = out.trimEnd().split("\n").slice(4);
  expect(titles.trim().split(/ {2,}/)).toEqual(
    "audio,tokens/step,step ms,p10 to p90,steps/s,tokens/s,TFLOP/s,recompute,planned,measured,loss".split(
      ",",
    ),
  );
  expect(rows.map((row) => row.trim().split(/ {2,}/).slice(0, 2))).toEqual([
    ["2 s", "25"],
    ["4 s", "50"],
  ]);
  for (const row of rows) expect(row.length).toBe(titles.length);
  // No bar is drawn for nobody: a line a length.
  expect(err).toMatch(/^done 2 s: the last step took \S+ ms .*\ndone 4 s: the last step took \S+ ms .*\n$/);
  expect(readdirSync(".")).toEqual(before);
});

test("--json is one object of the library's, and nothing beside it", async () => {
  const flags = ["--seconds", "2", "--steps", "2", "--warmup", "0", "--peak", "100", "--json"];
  const { code, out, err } = await acewright(...words, ...flags);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const found = JSON.parse(out) as Benchmark;
  expect(found).toMatchObject({ device: { name: "cpu" }, peakTeraflops: 100, interrupted: false });
  const [row] = found.rows as MeasuredRow[];
  expect(row).toMatchObject({ audioS: 2, timedSteps: 2, warmupSteps: 0, skippedSteps: 0 });
  expect(row?.shareOfPeak).toBeCloseTo((row?.teraflopsPerSecond ?? NaN) / 100, 12);
});

test("Ctrl-C ends it after the step in hand, with what was timed", { timeout: 60_000 }, async () => {
  const running = startAcewright([...words, "--seconds", "2,20", "--steps", "10000", "--limit", "1"], {
    cwd: folder,
  });
  await running.saw("done 2 s");
  running.kill("SIGINT");
  const { code, out } = await running.ended;
  expect(code).toBe(130);
  expect(out).toMatch(/\n +2 s +25 /);
  expect(out).toMatch(/interrupted: this is what was timed until then\n$/);
  expect(readdirSync(folder)).toEqual([]);
});

const row: MeasuredRow = {
  audioS: 240,
  songs: 4,
  frames: 24_000,
  tokens: 12_000,
  recompute: "none",
  warmupSteps: 2,
  timedSteps: 10,
  milliseconds: { median: 412.34, p10: 409.9, p90: 1234.5 },
  stepsPerSecond: 2.4251,
  tokensPerSecond: 29_101.4,
  flops: 87.688e12,
  executedFlops: 87.688e12,
  teraflopsPerSecond: 212.65,
  shareOfPeak: 0.21502,
  memory: {
    planned: { totalBytes: 12.5 * 2 ** 30 } as MeasuredRow["memory"]["planned"],
    measuredBytes: 13 * 2 ** 30,
  },
  firstLoss: 1.6041,
  lastLoss: 1.4,
  skippedSteps: 0,
};
const found: Benchmark = {
  device: {
    name: "cuda:0",
    description: "NVIDIA H100 80GB HBM3",
    instructionSet: "sm_90",
    buildId: "",
    memoryBytes: 0,
    freeBytes: 0,
    threads: 16,
  },
  model: { folder: "/models/acestep-v15-turbo", modelVersion: "turbo", layers: 24, hiddenSize: 2048 },
  settings: {
    adapter: { kind: "lora", rank: 64 },
    optimizer: { kind: "adamw" },
    batchSize: 1,
    gradientAccumulation: 4,
    padding: "masked",
  } as unknown as Benchmark["settings"],
  peakTeraflops: 989,
  rows: [
    { ...row, run: { trainingSongs: 12, epochs: 100, steps: 300, expectedS: 7260 } },
    { audioS: 600, refused: "training needs 90.0 GiB" },
  ],
  warnings: [],
  interrupted: false,
};

function shown(benchmark: Benchmark, cells: number): string {
  const { colors } = new Output(recordingTerminal(), { json: false, plain: false });
  return benchWords(benchmark, { colors, cells });
}

test("a wide terminal has one table; figures have three digits, and what cannot be measured says why", () => {
  expect(`\n${shown(found, Infinity)}`).toBe(`
device: cuda:0: NVIDIA H100 80GB HBM3 (sm_90, peak 989 TFLOP/s)
model: acestep-v15-turbo, 24 layers of width 2 048
step: lora, rank 64, adamw, batch 1, 4 accumulated; 10 timed after 2 to warm up

audio  tokens/step  step ms    p10 to p90  steps/s  tokens/s  TFLOP/s  of peak  recompute   planned  measured            loss
240 s       12 000      412  410 to 1 235     2.43    29 101      213   21.5 %       none  12.5 GiB  13.0 GiB  1.604 to 1.400

the whole run (12 songs, 100 epochs, 300 steps): about 2 h 01 min of steps at this pace
600 s: training needs 90.0 GiB`);
});

test("a narrow one has two tables that fit it, and no share where no peak is known", () => {
  const unknown = { ...row, shareOfPeak: undefined, teraflopsPerSecond: undefined };
  const text = shown({ ...found, peakTeraflops: undefined, rows: [unknown] }, 80);
  const lines = text.split("\n");
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  expect(lines.filter((line) => line.startsWith("audio"))).toHaveLength(2);
  expect(text).not.toContain("peak");
  expect(text).toMatch(/ 29 101 +-$/m);
});

test("where nothing was timed that is said in place of a table", () => {
  const text = shown({ ...found, rows: [], interrupted: true }, 80);
  expect(text).toContain("none timed\n\nno step was timed\ninterrupted");
});
