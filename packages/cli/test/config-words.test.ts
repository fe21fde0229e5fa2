import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseConfig, savePreset } from "@acewright/trainer";
import { Command } from "commander";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { songlessConfig, trainingConfig, trainingOptions } from "../src/config-words.js";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-config-"));
  const file = { adapter: { kind: "lora", rank: 4, dropout: 0.2 }, epochs: 7, seed: 5 };
  writeFileSync(join(folder, "file.json"), JSON.stringify(file));
  // As an editor of Windows writes it: a byte order mark, CRLF.
  const notepad = `\ufeff${JSON.stringify(file, null, 2)}`.replaceAll("\n", "\r\n");
  writeFileSync(join(folder, "notepad.json"), notepad);
  writeFileSync(join(folder, "rank.json"), JSON.stringify({ adapter: { rank: 3 } }));
  writeFileSync(join(folder, "list.json"), "[]");
  writeFileSync(join(folder, "broken.json"), "{ epochs: 3 }");
  writeFileSync(join(folder, "typo.json"), '{ "learningrate": 1 }');
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function config(line: string, read: typeof songlessConfig = trainingConfig): Record<string, unknown> {
  const words = line.split(" ").filter((word) => word !== "");
  const argv = words.map((word) => word.replace("@", `${folder}/`));
  const command = trainingOptions(new Command("x").argument("[tensors]").option("--resume").exitOverride());
  command.configureOutput({ writeErr: () => undefined }).action(() => undefined);
  command.parse(argv, { from: "user" });
  return read(command, command.args[0]);
}

const folders = "t -m m -o o";
const given = { tensors: resolve("t"), model: resolve("m"), output: resolve("o") };

test.each<[string, Record<string, unknown>]>([
  ["", {}],
  ["--rank 8", { adapter: { kind: "lora", rank: 8 } }],
  [
    "--adapter lokr --factor 4 --decompose-both",
    { adapter: { kind: "lokr", factor: 4, decomposeBoth: true } },
  ],
  [
    "--target-modules q_proj,mlp.up_proj",
    { adapter: { kind: "lora", targetModules: ["q_proj", "mlp.up_proj"] } },
  ],
  ["--rank-pattern layers.0.*=4", { adapter: { kind: "lora", rankPattern: { "layers.0.*": 4 } } }],
  ["--learning-rate 3e-4 --max-steps 10", { learningRate: 3e-4, maxSteps: 10 }],
  ["--beta1 0.8 --weight-decay 0", { optimizer: { beta1: 0.8, weightDecay: 0 } }],
  ["--bucket-decoder-tokens 32", { buckets: { decoderTokens: 32 } }],
  ["--timesteps discrete --timestep-table 1,0.5", { timesteps: "discrete", timestepTable: [1, 0.5] }],
  ["--device cuda:1", { device: "cuda:1" }],
  ["--config @notepad.json", { adapter: { kind: "lora", rank: 4, dropout: 0.2 }, epochs: 7, seed: 5 }],
  ["--config @file.json", { adapter: { kind: "lora", rank: 4, dropout: 0.2 }, epochs: 7, seed: 5 }],
  [
    "--config @file.json --rank 9 --seed 1",
    { adapter: { kind: "lora", rank: 9, dropout: 0.2 }, epochs: 7, seed: 1 },
  ],
  ["--config @rank.json --adapter lora", { adapter: { kind: "lora", rank: 3 } }],
  ["--config @rank.json --adapter lokr", { adapter: { kind: "lokr" } }],
  // Another kind of adapter must not inherit a field it does not know.
  ["--config @file.json --adapter lokr", { adapter: { kind: "lokr" }, epochs: 7, seed: 5 }],
])("train %s", (line, expected) => {
  expect(config(`${folders} ${line}`)).toEqual({ ...given, ...expected });
});

test.each<[string, Record<string, unknown>]>([
  ["--preset quick_test", { epochs: 10, learningRate: 3e-4 }],
  ["--preset quick_test --epochs 3", { epochs: 3, learningRate: 3e-4 }],
  ["--preset quick_test --config @file.json", { epochs: 7, learningRate: 3e-4, seed: 5 }],
])("a preset is the lowest layer: %s", (line, expected) => {
  expect(config(`${folders} ${line}`)).toMatchObject(expected);
});

test("a preset's adapter of another kind leaves nothing the trainer would refuse", () => {
  const parsed = parseConfig(config(`${folders} --preset recommended --adapter lokr`));
  expect(parsed.adapter).toMatchObject({ kind: "lokr", rank: 64, targetMlp: true });
});

test("the model is the flag's, else the file's, else that of all commands", () => {
  writeFileSync(join(folder, "model.json"), JSON.stringify({ model: "/files/model" }));
  expect(config("t -o o")["model"]).toBe(resolve("checkpoints"));
  expect(config("t -o o --config @model.json")["model"]).toBe("/files/model");
  expect(config("t -o o -m m --config @model.json")["model"]).toBe(resolve("m"));
});

test("a run that is resumed brings its own settings, whichever way it is named; flags and a file win", () => {
  const run = join(folder, "run");
  const own = { tensors: "/its/tensors", model: "/its/model", output: run, epochs: 9, seed: 3 };
  mkdirSync(run);
  writeFileSync(join(run, "config.json"), JSON.stringify(own));
  expect(config(`${run} --resume`)).toMatchObject(own);
  expect(config(`--output ${run} --resume`)).toMatchObject(own);
  expect(config(`t --output ${run} --resume --epochs 12`)).toMatchObject({
    ...own,
    tensors: resolve("t"),
    epochs: 12,
  });
  // A whole configuration beside it stands in for the run's own.
  expect(config(`t --output ${run} --resume --config @file.json`)).toMatchObject({
    output: run,
    epochs: 7,
    seed: 5,
  });
  expect(() => config("--resume")).toThrow(/the run to go on with is missing; name its folder/);
  // Of one that is begun, nothing is read from the folder it is to have.
  expect(config(`t -m m --output ${run}`)).not.toHaveProperty("epochs");
});

test("what is said of the adapter speaks of the preset's, whatever its kind", () => {
  vi.stubEnv("XDG_CONFIG_HOME", folder);
  vi.stubEnv("APPDATA", folder);
  const own = { adapter: { kind: "lokr", rank: 8, factor: 4 }, optimizer: { kind: "lion" } };
  savePreset({ name: "kronecker", description: "", config: own as never });
  const said = "--preset kronecker --rank 2 --weight-decay 0";
  expect(parseConfig(config(`${folders} ${said}`))).toMatchObject({
    adapter: { kind: "lokr", rank: 2, factor: 4 },
    optimizer: { kind: "lion", weightDecay: 0 },
  });
  expect(config(`${folders} --preset kronecker --config @rank.json`)).toMatchObject({
    adapter: { kind: "lokr", rank: 3, factor: 4 },
  });
  vi.unstubAllEnvs();
});

test.each([
  ["-m m -o o", /tensors is missing/],
  ["t -m m", /output is missing/],
  ["t -m m", /--output DIR/],
  [`${folders} --preset quick_tset`, /did you mean quick_test/],
  [`${folders} --config @list.json`, /list\.json: expected an object/],
  [`${folders} --config @broken.json`, /broken\.json: is not JSON/],
  [`${folders} --config @absent.json`, /absent\.json/],
])("%s is refused", (line, message) => {
  expect(() => config(line)).toThrow(message);
});

test("a misspelt key of a file reaches the trainer, which names the right one", () => {
  expect(() => parseConfig(config(`${folders} --config @typo.json`))).toThrow(/did you mean learningRate/);
});

test("a folder for all runs gives a new run its name, and none to a run that shall go on if it is there", () => {
  vi.stubEnv("ACEWRIGHT_RUNS", folder);
  try {
    expect(config("t -m m")).toMatchObject({ output: join(folder, "t") });
    const command = trainingOptions(new Command("x").argument("[tensors]").option("--resume [how]"));
    command.action(() => undefined).parse(["t", "-m", "m", "--resume", "if-possible"], { from: "user" });
    expect(() => trainingConfig(command, command.args[0])).toThrow(/^output is missing/);
  } finally {
    vi.unstubAllEnvs();
  }
});

test("where nothing is trained songs may be missing, and a file's are taken", () => {
  expect(() => config("-m m -o o")).toThrow(
    "tensors is missing; name the folder that `acewright preprocess` wrote",
  );
  const without = config("-m m --rank 8", songlessConfig);
  expect(without).toMatchObject({ model: resolve("m"), adapter: { kind: "lora", rank: 8 } });
  expect(without["tensors"]).toBeUndefined();
  writeFileSync(join(folder, "songs.json"), JSON.stringify({ tensors: "songs" }));
  expect(config("-m m --config @songs.json", songlessConfig)).toMatchObject({ tensors: "songs" });
});
