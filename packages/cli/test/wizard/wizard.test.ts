import { existsSync, readFileSync } from "node:fs";
import { beforeEach, expect, test } from "vitest";
import type { FakePerson } from "./fake-person.js";
import { acewright, openWizard } from "./scene.js";

const wizard = openWizard();
let person: FakePerson;
beforeEach(() => {
  ({ person } = wizard);
});

/** From the menu to the choice of a preset. */
async function toPreset(run: string): Promise<void> {
  await person.answers("What shall be done?", "enter");
  await person.answers("How much", "enter");
  await person.answers("Which folder of tensors?", "enter");
  await person.answers("Which model?", "toy", "enter");
  await person.answers("Which folder shall the run", "clear", run, "enter");
}

test("Ctrl-C in the menu leaves with 130 and a terminal that is no longer raw", async () => {
  await person.answers("What shall be done?", "ctrlC");
  expect(await person.ended).toBe(130);
  expect(person.isRaw).toBe(false);
});

test("Esc in the menu asks again, exit ends with 0", async () => {
  await person.answers("What shall be done?", "escape");
  await person.answers("What shall be done?", "up", "enter");
  expect(await person.ended).toBe(0);
});

test("a training is asked for, gone back in, refused, reviewed, begun and finished", async () => {
  await toPreset("runs/fake");
  await person.answers("Which settings to begin from?", "down", "down", "enter");
  await person.answers("adapter:", "enter");
  await person.answers("rank:", "0", "enter");
  await person.answers('--rank takes a whole number from 1 to 4096, got "0"', "clear", "4", "enter");
  await person.answers("alpha:", "escape");
  await person.answers("rank:", "8", "enter");
  await person.answers("alpha:", "16", "enter");
  await person.answers("trigger:", "bells", "enter");
  await person.answers("epochs:", "ctrlC");
  await person.answers("trigger:", "enter");
  await person.answers("epochs:", "2", "enter");
  await person.answers("learning-rate:", "2e-3", "enter");
  await person.answers("crop-seconds:", "2", "enter");
  await person.answers("save-every-epochs:", "enter");
  await person.saw("* differs from the default");
  await person.saw("memory in all");
  const line =
    "train tensors -o runs/fake -m checkpoints/acestep-v15-toy --preset quick_test --rank 8 --alpha 16 --trigger bells --learning-rate 0.002 --epochs 2 --crop-seconds 2";
  await person.saw(line);
  await person.answers("Begin?", "enter");
  await person.saw(`$ acewright ${line}`);
  await person.answers("What next?", "enter");
  await person.answers("Which model?", "enter");
  await person.answers("Which adapter", "enter");
  await person.answers("What shall be played?", "bells", "enter");
  await person.answers("lyrics:", "enter");
  await person.answers("duration:", "1", "enter");
  await person.answers("Which file shall the song", "clear", "dataset.json", "enter");
  await person.answers("dataset.json is there already", "clear", "songs/made", "enter");
  await person.answers("a name that ends in .wav or .flac is needed", ".wav", "enter");
  await person.saw(
    "acewright generate -m checkpoints/acestep-v15-toy -a runs/fake -o songs/made.wav --caption bells --duration 1",
  );
  await person.answers("Begin?", "enter");
  await person.answers("What next?", "escape");
  await person.answers("What shall be done?", "ctrlC");
  expect(await person.ended).toBe(130);
  expect(readFileSync("songs/made.wav").subarray(0, 4).toString()).toBe("RIFF");
  const config = JSON.parse(readFileSync("runs/fake/config.json", "utf8")) as object;
  expect(config).toMatchObject({
    adapter: { kind: "lora", rank: 8, alpha: 16, targetMlp: true },
    epochs: 2,
    learningRate: 0.002,
    warmupSteps: 10,
  });
  expect(existsSync("runs/fake/final")).toBe(true);
});

test("what is wrong with a path is said, and an error in a step leads back to the menu", async () => {
  await person.answers("What shall be done?", "enter");
  await person.answers("How much", "enter");
  await person.answers("Which folder of tensors?", "clear", "songs", "enter");
  await person.answers("songs holds no tensors", "clear", "dataset.json/x", "enter");
  await person.answers("dataset.json/x does not exist", "ctrlC");
  await person.answers("How much", "escape");
  await person.answers("What shall be done?", "down", "down", "down", "enter");
  await person.answers("Which dataset?", "clear", "songs/bells-one.json", "enter");
  await person.answers("Begin?", "enter");
  await person.saw("error: ");
  await person.answers("What shall be done?", "ctrlC");
  expect(await person.ended).toBe(130);
});

test("a run goes on as it is, and with other numbers only when that is wanted twice", async () => {
  await acewright("train tensors -o runs/cut -m checkpoints --rank 2 --crop-seconds 2 --epochs 5 --plain");
  await person.answers("What shall be done?", "down", "enter");
  await person.answers("Which folder of runs?", "enter");
  await person.answers("Which run?", "cut", "enter");
  await person.answers("How shall it go on?", "down", "enter");
  await person.answers("choose what to change", "keep-checkp", "enter");
  await person.answers("keep-checkpoints:", "7", "enter");
  await person.answers("choose what to change", "seed", "enter");
  await person.answers("nothing in the list is like that", "escape");
  await person.answers("How shall it go on?", "down", "down", "enter");
  await person.answers("choose what to change", "epochs", "enter");
  await person.answers("epochs:", "6", "enter");
  await person.answers("choose what to change", "enter");
  await person.saw(
    "It will not be what an uninterrupted run would have been: epochs: 5 -> 6; its learning rates were those of a cosine schedule over 5 steps",
  );
  await person.answers("Really go on with other settings?", "enter");
  await person.answers("choose what to change", "enter");
  await person.answers("Really go on with other settings?", "y");
  const line = "train -o runs/cut --resume --epochs 6 --keep-checkpoints 7 --allow-changes";
  await person.saw(`acewright ${line}`);
  await person.answers("Go on with the training?", "enter");
  await person.saw(`$ acewright ${line}`);
  await person.answers("What next?", "escape");
  await person.answers("What shall be done?", "ctrlC");
  expect(await person.ended).toBe(130);
  const config = JSON.parse(readFileSync("runs/cut/config.json", "utf8")) as object;
  expect(config).toMatchObject({ epochs: 6, keepCheckpoints: 7 });
});

test("a polite kill at a question ends the whole wizard with 130", async () => {
  await person.answers("What shall be done?", "enter");
  await person.saw("How much");
  person.interruptions.terminate();
  expect(await person.ended).toBe(130);
  expect(person.isRaw).toBe(false);
});
