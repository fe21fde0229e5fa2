import { findPreset, TrainConfig, withPreset } from "@acewright/trainer";
import { Command } from "commander";
import { expect, test } from "vitest";
import { trainingConfig, trainingOptions } from "../../src/config-words.js";
import { trainWords } from "../../src/choices/train-words.js";
import { firstAnswers } from "../../src/wizard/session.js";
import { shellLine } from "../../src/choices/command-line.js";
import { completed, settingsOf, withValue, type Values } from "../../src/choices/values.js";

const answers = { ...firstAnswers, tensors: "/t", model: "/m", run: "/r" };
const places = { tensors: "/t", model: "/m", output: "/r" };

/** What the train command makes of a line. */
function configOf(words: readonly string[]): unknown {
  let config: unknown;
  const command = trainingOptions(new Command("train").argument("[tensors]"));
  command.action((tensors: string | undefined) => {
    config = trainingConfig(command, tensors);
  });
  command.exitOverride().parse(words.slice(1), { from: "user" });
  return TrainConfig.parse(config);
}

const preset = (name: string): Values => withPreset(findPreset(name, []).preset, {});
const set = (values: Values, path: string, value: unknown): Values =>
  completed(TrainConfig, withValue(values, path.split("."), value));

test.each<[string, string | undefined, Values]>([
  ["nothing but the defaults", undefined, {}],
  [
    "values of every kind",
    undefined,
    {
      adapter: {
        kind: "lokr",
        factor: -1,
        decomposeBoth: true,
        targetModules: ["q_proj", "cross_attn.k_proj"],
      },
      optimizer: { kind: "prodigy", safeguardWarmup: false },
      trigger: "it's a style, mine",
      lossWeighting: "table",
      lossWeightTable: { "0.2": 1, "0.8": 2.5 },
      cropSeconds: 2.5,
      buckets: { decoderTokens: 32 },
    },
  ],
  ["a preset as it is", "quick_test", preset("quick_test")],
  ["a preset and more", "quick_test", set(preset("quick_test"), "adapter.rank", 8)],
  [
    "a preset's value taken back to the default",
    "quick_test",
    set(preset("quick_test"), "epochs", undefined),
  ],
  ["a preset's value taken away", "quick_test", set(preset("quick_test"), "learningRate", undefined)],
  ["another kind of adapter over a preset", "vram_8gb", set(preset("vram_8gb"), "adapter.kind", "loha")],
])("the command line of %s trains with exactly these settings", (_what, name, values) => {
  const words = trainWords(answers, {
    preset: name === undefined ? undefined : findPreset(name, []).preset,
    values,
  });
  expect(configOf(words)).toEqual(TrainConfig.parse({ ...places, ...values }));
});

test("a preset is named where its line can say it, and spelt out where no flag takes a value away", () => {
  const { preset: quick } = findPreset("quick_test", []);
  const named = trainWords(answers, { preset: quick, values: set(preset("quick_test"), "adapter.rank", 8) });
  expect(shellLine(named, "linux")).toBe("train /t -o /r -m /m --preset quick_test --rank 8");
  const spelt = trainWords(answers, {
    preset: quick,
    values: set(preset("quick_test"), "learningRate", undefined),
  });
  expect(spelt).not.toContain("--preset");
});

test("a kind of adapter brings only its own settings, and what is said of an adapter names its kind", () => {
  const values = set({ adapter: { kind: "lora", dropout: 0.3, rank: 8 } }, "adapter.kind", "lokr");
  expect(values).toEqual({ adapter: { kind: "lokr", rank: 8 } });
  expect(set({}, "adapter.rank", 8)).toEqual({ adapter: { kind: "lora", rank: 8 } });
  expect(settingsOf(TrainConfig, values).map(({ name }) => name)).not.toContain("rs-lora");
});

test("words are quoted as the shell wants them", () => {
  expect(shellLine(["a b", "it's", "x=1"], "linux")).toBe("'a b' 'it'\\''s' x=1");
  expect(shellLine(["a b"], "win32")).toBe('"a b"');
});
