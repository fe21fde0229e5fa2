import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse-config.js";
import { presets, withPreset, type Preset } from "../../src/config/presets.js";

const folders = { tensors: "t", model: "m", output: "o" };

test.each(Object.keys(presets))("%s is a valid configuration once folders are given", (name) => {
  const config = parseConfig(withPreset(name, folders));
  expect(config.adapter.alpha).toBe(2 * config.adapter.rank);
  expect(presets[name]?.name).toBe(name);
  expect(presets[name]?.description.length).toBeGreaterThan(10);
  expect(Object.keys(presets[name]?.config ?? {})).not.toContain("output");
});

test("there are the seven that users know", () => {
  expect(Object.keys(presets)).toEqual([
    "recommended",
    "quick_test",
    "high_quality",
    "vram_8gb",
    "vram_12gb",
    "vram_16gb",
    "vram_24gb_plus",
  ]);
});

test("what is given wins over the preset, field by field", () => {
  const config = parseConfig(
    withPreset("vram_8gb", { ...folders, epochs: 3, adapter: { dropout: 0 }, optimizer: { weightDecay: 0 } }),
  );
  expect(config).toMatchObject({
    epochs: 3,
    gradientAccumulation: 8,
    learningRate: 3e-4,
    adapter: { kind: "lora", rank: 16, dropout: 0, targetMlp: false },
    optimizer: { weightDecay: 0, beta1: 0.9 },
  });
});

test("another kind of adapter keeps the preset's rank and targets, not what only LoRA has", () => {
  const config = parseConfig(withPreset("high_quality", { ...folders, adapter: { kind: "lokr" } }));
  expect(config.adapter).toMatchObject({ kind: "lokr", rank: 128, targetMlp: true });
  expect(config.adapter).not.toHaveProperty("dropout");
});

/** Presets of one's own, as `presets save` keeps them. */
const kronecker: Preset = {
  name: "kronecker",
  description: "",
  config: {
    adapter: { kind: "lokr", rank: 8, factor: 4, rankDropout: 0.1, layers: "0-3" },
    optimizer: { kind: "prodigy", initialDistance: 1e-4 },
    learningRate: 0.5,
  },
};
const under = (given: object) => parseConfig(withPreset(kronecker, { ...folders, ...given }));

test("a preset of any kind is kept where only a field of it is given", () => {
  expect(under({ adapter: { rank: 2 } }).adapter).toMatchObject({ kind: "lokr", rank: 2, factor: 4 });
  expect(under({ optimizer: { weightDecay: 0 } })).toMatchObject({
    optimizer: { kind: "prodigy", initialDistance: 1e-4, weightDecay: 0 },
    learningRate: 0.5,
  });
  expect(under({ optimizer: { kind: "prodigy" } })).toMatchObject({ learningRate: 0.5 });
});

test("of a preset of another kind than is asked for nothing is left that the asked one does not know", () => {
  const lora = under({ adapter: { kind: "lora" } }).adapter;
  expect(lora).toMatchObject({ kind: "lora", rank: 8, layers: "0-3" });
  const loha = under({ adapter: { kind: "loha" } }).adapter;
  expect(loha).toMatchObject({ kind: "loha", rank: 8, rankDropout: 0.1 });
  const lion = under({ optimizer: { kind: "lion" } });
  expect(lion.optimizer).toMatchObject({ kind: "lion", weightDecay: 0.1 });
  expect(lion.learningRate).toBe(2e-5);
  const dora = parseConfig(withPreset("recommended", { ...folders, adapter: { kind: "dora" } })).adapter;
  expect(dora).toMatchObject({ kind: "dora", dropout: 0.1, targetMlp: true });
});

test("another optimizer begins with its own learning rate, not with the preset's", () => {
  const rate = (optimizer: object) =>
    parseConfig(withPreset("recommended", { ...folders, ...optimizer })).learningRate;
  expect(rate({})).toBe(3e-4);
  expect(rate({ optimizer: { kind: "adamw8bit" } })).toBe(3e-4);
  expect(rate({ optimizer: { kind: "prodigy" } })).toBe(1);
  expect(rate({ optimizer: { kind: "prodigy" }, learningRate: 0.5 })).toBe(0.5);
});

test("presets are not changed by their use", () => {
  const before = JSON.stringify(presets);
  withPreset("recommended", { adapter: { rank: 1 }, epochs: 1 });
  expect(JSON.stringify(presets)).toBe(before);
});

test("an unknown preset is told with the nearest name", () => {
  expect(() => withPreset("quicktest", {})).toThrow(
    'preset "quicktest" does not exist, did you mean quick_test?',
  );
  expect(() => withPreset("toString", {})).toThrow(/does not exist/);
});
