// The menu's smaller entries, each walked to the end: what they ask, the line they come to, what it leaves.
import { existsSync, readFileSync } from "node:fs";
import { beforeAll, beforeEach, expect, test } from "vitest";
import type { FakePerson } from "./fake-person.js";
import { acewright, openWizard } from "./scene.js";

const wizard = openWizard();
let person: FakePerson;
beforeAll(async () => {
  const small = "--rank 2 --crop-seconds 2 --max-steps 2 --plain";
  await acewright(`train tensors -o runs/lora -m checkpoints --validation-every 1 ${small}`);
  await acewright(`train tensors -o runs/kr -m checkpoints --adapter lokr ${small}`);
}, 60_000);
beforeEach(() => {
  ({ person } = wizard);
});

/** Chooses an entry of the menu that is so far up from its end. */
async function fromMenu(up: number): Promise<void> {
  await person.answers("What shall be done?", ...Array.from({ length: up }, () => "up"), "enter");
}

async function leave(): Promise<void> {
  await person.answers("What shall be done?", "ctrlC");
  expect(await person.ended).toBe(130);
}

const entries = { export: 7, presets: 6, runs: 5, models: 4, settings: 3, doctor: 2 } as const;

test("export: the best adapter of a run goes into a file for ComfyUI", async () => {
  await fromMenu(entries.export);
  await person.answers("Which folder of runs?", "enter");
  await person.answers("Which run?", "lora", "enter");
  await person.answers("Which adapter?", "down", "enter");
  await person.answers("Which layout?", "down", "enter");
  await person.answers("folder or .safetensors file", "clear", "tensors", "enter");
  await person.answers(
    "tensors is not empty; choose another name",
    "clear",
    "new/bells.safetensors",
    "enter",
  );
  await person.saw("$ acewright export runs/lora -f comfyui --which best -o new/bells.safetensors");
  await person.saw("0 missing, 0 unexpected");
  await leave();
  expect(person.text).not.toContain("lycoris");
  expect(existsSync("new/bells.safetensors")).toBe(true);
});

test("export: what has no names for a LoKr is written as the LoRA nearest to it, and one can go back", async () => {
  await fromMenu(entries.export);
  await person.answers("Which folder of runs?", "enter");
  await person.answers("Which run?", "kr", "enter");
  await person.answers("Which layout?", "down", "down", "down", "enter");
  await person.answers("Rank of the LoRA", "escape");
  await person.answers("Which layout?", "down", "down", "down", "enter");
  await person.answers("Rank of the LoRA", "no", "enter");
  await person.answers("a whole number from 1 is needed", "clear", "4", "enter");
  await person.answers("Which new folder", "clear", "new/peft.safetensors", "enter");
  await person.saw("$ acewright export runs/kr -f peft --as-lora 4 -o new/peft.safetensors");
  await leave();
});

test("runs: one's page is shown", async () => {
  await fromMenu(entries.runs);
  await person.answers("Which folder of runs?", "enter");
  await person.answers("Which run?", "kr", "enter");
  await person.saw("$ acewright runs show runs/kr");
  await person.saw("finished, 2/2 steps");
  await leave();
});

test("models: what can be had is listed before there is any folder; the toy is written, what is full is refused", async () => {
  await fromMenu(entries.models);
  await person.answers("Models", "enter");
  await person.answers("Which folder of checkpoints?", "clear", "nowhere", "enter");
  await person.saw("acestep-v15-turbo");
  await person.answers("Models", "up", "enter");
  await person.answers("Which folder of checkpoints?", "clear", "songs", "enter");
  await person.answers("songs is not empty; choose another name", "clear", "models", "enter");
  await person.answers("Which new folder shall its songs", "clear", "more-songs", "enter");
  await person.saw("$ acewright models toy models --songs more-songs");
  await person.answers("Models", "down", "down", "enter");
  await person.answers("Which folder of checkpoints?", "enter");
  await person.saw("$ acewright models verify models");
  await person.answers("Models", "down", "enter");
  await person.answers("Which model?", "xl-sft", "enter");
  await person.answers("Which folder of checkpoints?", "escape");
  await person.answers("Models", "escape");
  await leave();
  expect(existsSync("models/acestep-v15-toy/model.safetensors")).toBe(true);
});

test("presets: one is shown, and there is none of one's own to delete yet", async () => {
  await fromMenu(entries.presets);
  await person.answers("Presets", "down", "enter");
  await person.answers("Which preset?", "quick", "enter");
  await person.saw("Ten epochs at rank 16");
  await person.answers("Presets", "up", "enter");
  await person.saw("there is no preset of your own");
  await person.answers("Presets", "escape");
  await person.answers("What shall be done?", "ctrlC");
  await person.ended;
  await acewright("presets save mine --run runs/lora");
  await acewright("presets export mine mine.json");
});

test("presets: one's own is deleted only where that is meant, and is taken from a file again", async () => {
  await fromMenu(entries.presets);
  await person.answers("Presets", "up", "enter");
  await person.answers("Which preset?", "enter");
  await person.answers("Delete mine?", "enter");
  await person.answers("Presets", "up", "enter");
  await person.answers("Which preset?", "enter");
  await person.answers("Delete mine?", "y");
  await person.saw("$ acewright presets remove mine");
  await person.answers("Presets", "down", "down", "enter");
  await person.answers("Which file?", "nowhere.json", "enter");
  await person.answers("nowhere.json does not exist", "clear", "mine.json", "enter");
  await person.saw("$ acewright presets import mine.json");
  await person.answers("Presets", "down", "down", "down", "enter");
  await person.answers("Which preset?", "mine", "enter");
  await person.answers("Which file shall it be written to?", "clear", "copy.json", "enter");
  await person.saw("$ acewright presets export mine copy.json");
  await person.answers("Presets", "escape");
  await leave();
  expect(JSON.parse(readFileSync("copy.json", "utf8"))).toEqual(
    JSON.parse(readFileSync("mine.json", "utf8")),
  );
});

test("settings: one is set, one that cannot be is refused with the reason, one is forgotten", async () => {
  await fromMenu(entries.settings);
  await person.answers("Settings", "down", "enter");
  await person.answers("Which setting?", "threads", "enter");
  await person.answers("threads:", "many", "enter");
  await person.saw("error: ");
  await person.answers("Settings", "down", "enter");
  await person.answers("Which setting?", "threads", "enter");
  await person.answers("threads:", "1", "enter");
  await person.saw("$ acewright settings set threads 1");
  await person.answers("Settings", "escape");
  await leave();
  expect(await acewright("settings get threads")).toBe("1\n");
});

test("settings: what was set is shown and forgotten", async () => {
  await fromMenu(entries.settings);
  await person.answers("Settings", "enter");
  await person.saw("threads");
  await person.answers("Settings", "up", "enter");
  await person.answers("Which setting?", "threads", "enter");
  await person.saw("$ acewright settings clear threads");
  await person.answers("Settings", "escape");
  await leave();
  expect(await acewright("settings get threads")).not.toContain("1");
});

test("doctor looks at the machine and leads back to the menu", async () => {
  await fromMenu(entries.doctor);
  await person.saw("native core");
  await leave();
});
