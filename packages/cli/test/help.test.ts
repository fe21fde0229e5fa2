import {
  BenchmarkSettings,
  EstimateSettings,
  expectation,
  fieldsOf,
  GenerateSettings,
  SweepSettings,
  TrainConfig,
} from "@acewright/trainer";
import {
  CaptionSettings,
  LabelSettings,
  MetadataEdit,
  PreprocessSettings,
  SampleEdit,
  TranscribeSettings,
} from "@acewright/dataset";
import type { z } from "zod";
import { expect, test } from "vitest";
import { acewrightProgram } from "../src/program.js";
import { isTaken, leaves, program } from "./every-command.js";
import { recordingTerminal } from "./recording-terminal.js";

function helpOf(path: string): string {
  const terminal = recordingTerminal({ columns: 1000 });
  const never = new AbortController().signal;
  const whole = acewrightProgram({ terminal, signal: never, stopNow: never });
  expect(() => whole.parse([...path.split(" "), "--help"], { from: "user" })).toThrow();
  return terminal.written.out;
}

const all = leaves(program()).map(({ path }) => path);

test("there are the commands the design names", () => {
  expect(all.sort()).toEqual(
    [
      "analyze",
      "caption",
      "check",
      "clean-lyrics",
      "label",
      "transcribe",
      "mix",
      "scan",
      "set",
      "show",
      "undo",
    ]
      .concat(["list", "set", "add", "remove", "clear"].map((name) => `tags ${name}`))
      .map((name) => `dataset ${name}`)
      .concat(["inspect", "check", "merge", "resize", "extract"].map((name) => `adapter ${name}`))
      .concat(["bench", "doctor", "estimate", "export", "find-lr", "generate", "compare"])
      .concat(["list", "download", "toy", "verify"].map((name) => `models ${name}`))
      .concat(["list", "show", "compare", "remove"].map((name) => `runs ${name}`))
      .concat(["list", "show", "save", "import", "export", "remove"].map((name) => `presets ${name}`))
      .concat(["inspect", "import", "pack"].map((name) => `tensors ${name}`))
      .concat(["show", "get", "set", "clear", "path"].map((name) => `settings ${name}`))
      .concat(["completion", "config schema"])
      .concat(["plan", "preprocess", "run", "studio", "train"])
      .sort(),
  );
});

test.each(all)("the help of `%s` has examples and the switches every command has", (path) => {
  const help = helpOf(path);
  expect(help).toMatch(/--json\s+\S/);
  expect(help).toMatch(/--plain\s+\S/);
  expect(help).toMatch(new RegExp(`Examples:\\n  acewright ${path}`));
});

test.each(all)("every example of `%s` is a line the command takes", async (path) => {
  const lines = [...helpOf(path).matchAll(/^ {2}acewright (.+)$/gm)].map(([, line]) => line ?? "");
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(await isTaken(line), line).toBe(true);
});

const own = { omit: ["tensors", "model", "output", "environment"] };

test.each<[string, z.ZodType]>([
  ["train", TrainConfig],
  ["plan", TrainConfig],
  ["run", TrainConfig],
  ["find-lr", TrainConfig],
  ["bench", TrainConfig],
  ["bench", BenchmarkSettings],
  ["estimate", EstimateSettings],
  ["find-lr", SweepSettings],
  ["generate", GenerateSettings],
  ["compare", GenerateSettings],
  ["preprocess", PreprocessSettings],
  ["dataset transcribe", TranscribeSettings],
  ["dataset caption", CaptionSettings],
  ["dataset label", LabelSettings],
  ["dataset set", SampleEdit],
  ["dataset set", MetadataEdit],
])("the help of `%s` says of each field of the schema what the schema says", (path, schema) => {
  const help = helpOf(path);
  for (const { name, node, members } of fieldsOf(schema, own)) {
    const line = help.split("\n").find((text) => new RegExp(`^ {2}--(no-)?${name}( |$)`).test(text)) ?? "";
    expect(node.description, `${name} has no description`).toBeTruthy();
    expect(line, `--${name}`).toContain(node.description ?? "");
    if (node.type === "number" || node.type === "integer") expect(line).toContain(expectation(node));
    const sameDefault = members.every((member) => member.node.default === node.default);
    if (typeof node.default === "number" && sameDefault)
      expect(line).toContain(`default ${String(node.default)}`);
  }
});
