import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { main } from "../src/main.js";
import { leaves, program } from "./every-command.js";
import { recordingTerminal } from "./recording-terminal.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-json-"));
  const official = new URL("../../dataset/test/fixtures/torch/official", import.meta.url);
  cpSync(fileURLToPath(official), join(folder, "old"), { recursive: true });
  mkdirSync(join(folder, "empty"));
  for (const name of ["XDG_CONFIG_HOME", "APPDATA", "HOME"]) vi.stubEnv(name, join(folder, "settings"));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const small = "--adapter lora --rank 2 --dropout 0 --crop-frames 32 --batch-size 1 --gradient-accumulation 1";

/** In this order each finds what the ones before wrote; "@" is the folder. */
const lines = [
  "models toy @checkpoints --songs @songs",
  "models verify @checkpoints",
  "models list @checkpoints",
  "doctor --model @checkpoints",
  "dataset scan @songs -o @dataset.json --custom-tag bells",
  "dataset show @dataset.json",
  "dataset analyze @dataset.json --where number<=1",
  "dataset check @dataset.json --no-decode --no-cache --fail-on never",
  "dataset set @dataset.json --genre ambient",
  "dataset undo @dataset.json",
  "dataset clean-lyrics @dataset.json",
  "dataset mix @dataset.json:2 @dataset.json -o @mixed.json",
  "dataset tags list @dataset.json",
  "dataset tags set @dataset.json chimes",
  "dataset tags add @dataset.json soft",
  "dataset tags remove @dataset.json soft",
  "dataset tags clear @dataset.json",
  "dataset transcribe @dataset.json --dry-run",
  "dataset caption @dataset.json --dry-run",
  "preprocess @dataset.json -o @tensors --model @checkpoints --max-duration-s 4",
  "tensors inspect @tensors",
  "tensors pack @tensors -o @packed --shards 2",
  "tensors import @old -o @imported",
  `plan @tensors --model @checkpoints --max-steps 2 ${small}`,
  "plan @tensors --model @checkpoints --memory 2GB --suggest",
  `plan @tensors --model @checkpoints --max-steps 2 --measure --suggest ${small}`,
  `find-lr @tensors --model @checkpoints --lr-steps 10 ${small}`,
  `bench @tensors --model @checkpoints --steps 2 --warmup 0 --max-steps 2 ${small}`,
  `bench --model @checkpoints --seconds 2 --steps 2 --condition-tokens 32 ${small}`,
  `train @tensors -o @runs/first --model @checkpoints --preset auto --max-steps 2 ${small}`,
  "runs list @runs",
  "runs show @runs/first",
  "runs compare @runs/first @runs/first",
  "export @runs/first --format peft -o @adapter",
  "adapter inspect @adapter",
  "adapter check @adapter @checkpoints",
  "adapter resize @adapter --rank 1 -o @thin",
  "adapter merge @adapter:0.5 @thin:0.5 -o @mixed",
  "export @thin --format merged --model @checkpoints -o @merged",
  "adapter extract @checkpoints @merged --rank 1 -o @extracted",
  "generate --model @checkpoints --adapter @adapter --caption bells --duration 1 --steps 1 -o @song.wav",
  "compare @runs/first -o @comparison --checkpoints final --no-base --caption bells --duration 1 --steps 1",
  "presets save mine --run @runs/first",
  "presets export mine @mine.json",
  "presets import @mine.json --name again",
  "presets list",
  "presets show mine",
  "presets remove again",
  "settings set threads 2",
  "settings show",
  "settings get threads",
  "settings path",
  "settings clear",
  "config schema",
  "completion bash",
  "runs remove @runs/first --yes",
  "estimate @tensors --model @checkpoints --runs 1 --batches 1 --crop-seconds 2 --no-spectrum",
];

/** Told by tests of their own: they need a language model, a server, half a minute, or go on until they are stopped. */
const elsewhere = ["dataset label", "models download", "run", "studio"];

test("every command is walked", () => {
  const walked = leaves(program()).filter(({ path }) =>
    lines.some((line) => `${line} `.startsWith(`${path} `)),
  );
  const all = leaves(program()).map(({ path }) => path);
  expect([...walked.map(({ path }) => path), ...elsewhere].sort()).toEqual(all.sort());
});

test.each(lines)(
  "acewright %s --json says JSON lines and nothing else",
  { timeout: 60_000 },
  async (line) => {
    const terminal = recordingTerminal();
    const never = new AbortController().signal;
    const args = [...line.replaceAll("@", `${folder}/`).split(" "), "--json"];
    const code = await main(args, { terminal, signal: never, stopNow: never });
    expect({ code, err: terminal.written.err }).toEqual({ code: 0, err: "" });
    const values = terminal.written.out.trimEnd().split("\n");
    for (const value of values) expect(JSON.parse(value), value).toBeTypeOf("object");
  },
);

test.each(leaves(program()).map(({ path }) => path))(
  "`%s --json` refuses with one JSON line",
  async (path) => {
    const terminal = recordingTerminal();
    const never = new AbortController().signal;
    const args = [...path.split(" "), "--no-such-option", "--json"];
    expect(await main(args, { terminal, signal: never, stopNow: never })).toBe(2);
    expect(terminal.written.out).toBe("");
    expect(JSON.parse(terminal.written.err)).toMatchObject({
      error: { message: expect.any(String) as string },
    });
  },
);
