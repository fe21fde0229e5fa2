import { expect, test } from "vitest";
import { configChanges, decidingSettings, describeChanges } from "../../src/config/config-diff.js";
import { configFields } from "../../src/config/config-fields.js";
import { parseConfig } from "../../src/config/parse-config.js";

const config = (changes: object = {}) => parseConfig({ tensors: "t", model: "m", output: "o", ...changes });

test("equal configurations do not differ, nor do ones that change no number", () => {
  expect(configChanges(config(), config())).toEqual([]);
  const harmless = {
    tensors: "t2",
    model: "m2",
    output: "o2",
    threads: 3,
    recompute: "none",
    logEvery: 9,
    sampleEvery: 5,
  };
  expect(configChanges(config(), config({ ...harmless, saveEverySteps: 7, keepCheckpoints: 0 }))).toEqual([]);
});

test("what changes a number is told with both values, also where it was not set", () => {
  const changes = configChanges(
    config({ maxSteps: 5 }),
    config({ seed: 1, adapter: { kind: "lora", rank: 8 }, cropFrames: 9 }),
  );
  expect(describeChanges(changes)).toBe(
    "adapter.rank: 64 -> 8; maxSteps: 5 -> not set; seed: 42 -> 1; cropFrames: not set -> 9",
  );
});

test("every field is either deciding or named as harmless: a new one must be put somewhere", () => {
  const harmless = ["tensors", "model", "output", "regularization", "foreignTensors", "device", "threads", "recompute", "saveEverySteps", "saveEveryEpochs", "keepCheckpoints", "sampleEvery", "samplePrompts", "sampleAudio", "logEvery", "logHeavyEvery"]; // prettier-ignore
  const names = [...new Set(configFields().map(({ path }) => path[0] ?? ""))];
  const all = Object.fromEntries(names.map((name) => [name, 1])) as unknown as ReturnType<typeof config>;
  expect(Object.keys(decidingSettings(all)).sort()).toEqual(
    // `from` decides as well, but is a way to a folder: its hash stands in the environment.
    names.filter((name) => !harmless.includes(name) && name !== "from").sort(),
  );
});
