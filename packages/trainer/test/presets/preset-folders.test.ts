import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readPreset, withoutFolders } from "../../src/presets/preset-file.js";
import {
  deletePreset,
  findPreset,
  listPresets,
  presetName,
  savePreset,
  userConfigFolder,
} from "../../src/presets/preset-folders.js";

let here: string;
let user: string;
let folders: string[];

beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), "acewright-presets-"));
  [here, user] = [join(root, "here"), join(root, "user")];
  mkdirSync(here);
  mkdirSync(user);
  folders = [here, user];
});

afterEach(() => {
  rmSync(join(here, ".."), { recursive: true });
});

const mine = { name: "my style", description: "mine", config: { epochs: 7 } };

test("a saved preset is found again under its cleaned name, and nothing else is left in the folder", () => {
  const file = savePreset(mine, { folder: user });
  expect(readdirSync(user)).toEqual(["my_style.json"]);
  expect(findPreset("my style", folders)).toEqual({ preset: { ...mine, name: "my_style" }, file });
});

test("./presets stands before the user's folder, and that before the built-in ones", () => {
  const at = (folder: string, epochs: number) => {
    writeFileSync(join(folder, "quick_test.json"), JSON.stringify({ config: { epochs } }));
  };
  expect(findPreset("quick_test", folders).file).toBeUndefined();
  at(user, 5);
  expect(findPreset("quick_test", folders).preset.config.epochs).toBe(5);
  at(here, 6);
  expect(findPreset("quick_test", folders).preset.config.epochs).toBe(6);
  const all = listPresets(() => undefined, folders).filter(({ preset }) => preset.name === "quick_test");
  expect(all.map(({ file }) => file)).toEqual([join(here, "quick_test.json")]);
});

test("a name that is taken needs leave, a built-in one can neither be saved over nor deleted", () => {
  savePreset(mine, { folder: user });
  expect(() => savePreset(mine, { folder: user })).toThrow(/exists already/);
  savePreset({ ...mine, config: { epochs: 8 } }, { folder: user, replace: true });
  expect(findPreset("my_style", folders).preset.config.epochs).toBe(8);
  expect(() => savePreset({ ...mine, name: "recommended" }, { folder: user, replace: true })).toThrow(
    /built-in/,
  );
  expect(() => deletePreset("recommended", folders)).toThrow(/cannot be deleted/);
  deletePreset("my_style", folders);
  expect(readdirSync(user)).toEqual([]);
});

test.each(["..", "../up", "a..b", "con", "LPT1.x", "  ", "???", ".hidden"])("%j is no name", (name) => {
  expect(() => presetName(name)).toThrow(/choose another/);
});

test("what some system forbids in a name is left out", () => {
  expect(presetName(' a/b\\c:d*e?f"g<h>i|j k ')).toBe("abcdefghij_k");
});

test.each([
  ["a folder", { config: { tensors: "/t" } }, /tensors is never part of a preset/],
  ["an adapter to go on from", { config: { from: "/a" } }, /from is never part/],
  ["a misspelt key", { config: { epoch: 3 } }, /did you mean epochs/],
  ["a wrong value", { config: { epochs: 0 } }, /epochs: expected a whole number from 1/],
  ["a stranger beside the settings", { config: {}, notes: 1 }, /unknown key notes/],
])("%s is refused with its name", (_what, content, message) => {
  writeFileSync(join(user, "bad.json"), JSON.stringify(content));
  expect(() => findPreset("bad", folders)).toThrow(message);
  const told: string[] = [];
  const names = listPresets((line) => told.push(line), folders).map(({ preset }) => preset.name);
  expect(names).not.toContain("bad");
  expect(told).toEqual([expect.stringMatching(message)]);
});

test("a file over 1 MiB, one that is not JSON, and a folder are refused", () => {
  const file = join(user, "bad.json");
  writeFileSync(file, `{"config":{}}${" ".repeat(1 << 20)}`);
  expect(() => readPreset(file, "bad")).toThrow(/at most 1048576/);
  writeFileSync(file, "{");
  expect(() => readPreset(file, "bad")).toThrow(/is not JSON/);
  expect(() => readPreset(user, "bad")).toThrow(/is no file/);
});

test("a Side-Step preset is taken over where its keys mean the same, and the rest is named", () => {
  const file = join(user, "theirs.json");
  const theirs = {
    name: "x",
    description: "theirs",
    adapter_type: "lora",
    rank: 64,
    alpha: 128,
    target_modules_str: "q_proj  v_proj",
    optimizer_type: "adamw8bit",
    weight_decay: 0.02,
    scheduler_type: "cosine",
    cfg_ratio: 0.15,
    max_steps: 0,
    target_loss: 0,
    save_best: false,
    snr_gamma: 5,
    offload_encoder: true,
  };
  writeFileSync(file, JSON.stringify(theirs));
  expect(readPreset(file, "theirs")).toEqual({
    preset: {
      name: "theirs",
      description: "theirs",
      config: {
        adapter: { kind: "lora", rank: 64, alpha: 128, targetModules: ["q_proj", "v_proj"] },
        optimizer: { kind: "adamw8bit", weightDecay: 0.02 },
        schedule: "cosine",
        conditionDropout: 0.15,
        bestBy: "never",
      },
    },
    dropped: [
      "offload_encoder (no counterpart)",
      "snr_gamma (snrGamma belongs to lossWeighting min-snr and min-snr-inverse, but lossWeighting is none)",
    ],
  });
  writeFileSync(file, JSON.stringify({ ...theirs, adapter_type: "lokr", dropout: 0.1 }));
  expect(readPreset(file, "theirs").dropped).toContain(
    'dropout (adapter.dropout belongs to lora and dora, but adapter.kind is "lokr")',
  );
});

test("what Side-Step calls otherwise is translated", () => {
  const file = join(user, "theirs.json");
  const theirs = {
    optimizer_type: "prodigy",
    scheduler_type: "cosine_restarts",
    loss_weighting: "min_snr",
    snr_gamma: 4,
    save_best: true,
    early_stop_patience: 30,
  };
  writeFileSync(file, JSON.stringify(theirs));
  expect(readPreset(file, "theirs")).toMatchObject({
    preset: {
      config: {
        optimizer: { kind: "prodigy" },
        schedule: "cosine-restarts",
        lossWeighting: "min-snr",
        snrGamma: 4,
        bestBy: "loss",
        earlyStopPatience: 30,
      },
    },
    dropped: [],
  });
});

test("a value of Side-Step that means nothing here is left out and told, and the others are kept", () => {
  const file = join(user, "theirs.json");
  const theirs = {
    adapter_type: "oft",
    rank: 32,
    optimizer_type: "came",
    weight_decay: 0.02,
    scheduler_type: "warped",
    epochs: "many",
    learning_rate: 1e-4,
    target_loss: 0.2,
    save_best: true,
    early_stop_patience: 30,
  };
  writeFileSync(file, JSON.stringify(theirs));
  const { preset, dropped } = readPreset(file, "theirs");
  expect(preset.config).toEqual({
    adapter: { kind: "lora", rank: 32 },
    optimizer: { kind: "adamw", weightDecay: 0.02 },
    learningRate: 1e-4,
    bestBy: "loss",
    targetLoss: 0.2,
  });
  expect(dropped).toEqual([
    'adapter_type (adapter.kind: expected one of lora, dora, lokr, loha, got "oft")',
    'epochs (epochs: expected a whole number from 1 to 1000000, got "many")',
    expect.stringMatching(/^optimizer_type \(optimizer\.kind: expected one of adamw, .*got "came"\)$/),
    expect.stringMatching(/^scheduler_type \(schedule: expected one of cosine, .*got "warped"\)$/),
    "early_stop_patience (earlyStopPatience cannot be combined with targetLoss, which holds the loss where it is)",
  ]);
});

test("of a run's settings neither folders nor what is of its machine or songs is kept", () => {
  const config = {
    tensors: "/t",
    model: "/m",
    output: "/o",
    from: "/a",
    samplePrompts: "/p.txt",
    device: "cuda:1",
    threads: 3,
    recompute: "block",
    trigger: "my band",
    foreignTensors: true,
    ignoreFisherMap: true,
    environment: { device: "cpu" },
    epochs: 7,
    adapter: { kind: "lora", rank: 8 },
  };
  expect(withoutFolders(config)).toEqual({ epochs: 7, adapter: { kind: "lora", rank: 8 } });
});

test("a preset that was written holds what it was given, with no defaults", () => {
  const file = savePreset(mine, { folder: user });
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ ...mine, name: "my_style" });
});

test("the user's folder is where each system keeps settings", () => {
  expect(userConfigFolder({ XDG_CONFIG_HOME: "/x" }, "linux")).toBe(join("/x", "acewright"));
  expect(userConfigFolder({ APPDATA: "/a" }, "win32")).toBe(join("/a", "acewright"));
  expect(userConfigFolder({}, "darwin")).toMatch(/Library.Application Support.acewright$/);
});
