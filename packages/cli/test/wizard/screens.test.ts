import { cpSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { toyFolders } from "../../src/models/toy.js";
import { normalised, noTmux, TmuxScreen } from "./tmux-screen.js";

const missing = noTmux();
const bin = fileURLToPath(new URL("../../bin/acewright.js", import.meta.url));

let made: string | undefined;
let screen: TmuxScreen | undefined;

/** One terminal, one wizard: the tests are its session, in their order. */
beforeAll(() => {
  if (missing !== undefined) return;
  const folder = (made = realpathSync(mkdtempSync(join(tmpdir(), "acewright-screens-"))));
  cpSync(toyFolders().checkpoints, join(folder, "checkpoints"), { recursive: true });
  cpSync(toyFolders().songs, join(folder, "songs"), { recursive: true });
  const env = { NO_COLOR: "1", XDG_CONFIG_HOME: join(folder, "config"), LANG: "C.UTF-8" };
  screen = new TmuxScreen(folder, env);
  screen.press(`PS1='shell> '; clear; ${process.execPath} ${bin}; echo "exit code $?"`, "Enter");
}, 60_000);

afterAll(() => {
  screen?.close();
  if (made !== undefined) rmSync(made, { recursive: true });
});

let terminal: TmuxScreen;
beforeEach((context) => {
  if (screen === undefined) context.skip(missing ?? "no terminal");
  else terminal = screen;
});

/** Answers the open question, once it stands there. */
async function answer(question: string, ...keys: readonly string[]): Promise<void> {
  await terminal.asks(question);
  terminal.press(...keys);
}

/**
 * Holds what is seen, from the last line on that holds a text, against the committed screen.
 * `npx vitest run --project cli packages/cli/test/wizard/screens -u` writes the screens anew.
 */
async function shows(name: string, from = ""): Promise<void> {
  const lines = (await terminal.settled()).split("\n");
  const begin = from === "" ? 0 : lines.findLastIndex((line) => line.includes(from));
  const seen = lines.slice(begin).join("\n");
  await expect(normalised(seen, made ?? "")).toMatchFileSnapshot(`screens/${name}.txt`);
}

const menu = "What shall be done?";

test("the main menu", async () => {
  await terminal.asks(menu);
  await shows("menu");
});

test("a folder of songs becomes tensors, each step offered after the one before", async () => {
  await answer(menu, "Down", "Down", "Enter");
  await answer("Which folder of songs?", "Enter");
  await answer("Which file shall the dataset", "Enter");
  await answer("custom-tag", "bells", "Enter");
  await answer("Begin?", "Enter");
  await answer("What next?", "Down", "Enter");
  await answer("Which dataset?", "Enter");
  await answer("Which folder shall the tensors", "Enter");
  await answer("Which model?", "Enter");
  await answer("Begin?", "Enter");
  await terminal.saw("○ estimate");
  await shows("chain");
});

test("an answer that cannot be is refused with the reason, and Esc goes back", async () => {
  await answer("What next?", "Enter");
  await answer("How much", "Enter");
  await answer("Which folder of tensors?", "Enter");
  await answer("Which model?", "toy", "Enter");
  await answer("Which folder shall the run", "Enter");
  await answer("Which settings to begin from?", "Down", "Down", "Enter");
  await answer("adapter:", "Enter");
  await answer("rank:", "many", "Enter");
  await terminal.saw("--rank takes");
  await shows("refused", "adapter:");
  terminal.press("C-u", "4", "Enter");
  await answer("alpha:", "Escape");
  await terminal.asks("rank:");
  await shows("back", "rank:");
});

test("the review marks what differs and shows memory and command line", async () => {
  terminal.press("4", "Enter");
  await answer("alpha:", "8", "Enter");
  await answer("trigger:", "Enter");
  await answer("epochs:", "3", "Enter");
  await answer("learning-rate:", "2e-3", "Enter");
  await answer("crop-seconds:", "2", "Enter");
  await answer("save-every-epochs:", "Enter");
  await terminal.asks("Begin?");
  await shows("review", "What will be trained");
});

test("the settings are saved as a preset, and one of them is changed", async () => {
  terminal.press("Up", "Enter");
  await answer("Name of the preset?", "my bells", "Enter");
  await answer("One line about it?", "Enter");
  await answer("Begin?", "Down", "Down", "Enter");
  await answer("Training: choose what to change", "seed", "Enter");
  await answer("seed:", "7", "Enter");
  await answer("Training: choose what to change", "Enter");
  await terminal.asks("Begin?");
  await shows("preset", "Name of the preset?");
});

test("the training runs to its end", async () => {
  terminal.press("Enter");
  await terminal.asks("What next?");
  await shows("finished", "$ acewright train");
});

test("Ctrl-C stops and saves a training, and leads back to the wizard", async () => {
  terminal.press("Escape");
  await answer(menu, "Up", "Up", "Up", "Up", "Up", "Up", "Enter");
  await answer("How much", "Enter");
  await answer("Which folder of tensors?", "Enter");
  await answer("Which model?", "Enter");
  await answer("Which folder shall the run", "C-u", "runs/long", "Enter");
  await answer("Which settings to begin from?", "Down", "Enter");
  for (const setting of ["adapter:", "rank:", "alpha:", "trigger:"]) await answer(setting, "Enter");
  await answer("epochs:", "100000", "Enter");
  for (const setting of ["learning-rate:", "crop-seconds:", "save-every-epochs:"])
    await answer(setting, "Enter");
  await answer("Begin?", "Enter");
  await terminal.saw("step/s");
  terminal.press("C-c");
  await terminal.saw("interrupted; what is done is kept");
  await terminal.asks("What next?");
});

test("a run is resumed: one's choice of runs, harmless edits apart from those that make it another", async () => {
  terminal.press("Enter");
  await answer("Which folder of runs?", "Enter");
  await terminal.asks("Which run?");
  await terminal.saw("interrupted at step");
  terminal.press("Enter");
  await answer("How shall it go on?", "Down", "Down", "Enter");
  await answer("Settings of the run: choose what to change", "max-steps", "Enter");
  await answer("max-steps:", "1", "Enter");
  await answer("Settings of the run: choose what to change", "Enter");
  await answer("Really go on with other settings?", "y");
  await terminal.asks("Go on with the training?");
  await shows("resume", "Which folder of runs?");
  terminal.press("Enter");
  await terminal.asks("What next?");
});

test("Ctrl-C in the menu leaves a sane terminal and exit code 130", async () => {
  terminal.press("Escape");
  await terminal.asks(menu);
  terminal.press("C-c");
  await terminal.saw("exit code 130");
  terminal.press(
    "stty -a | tr ' ;' '\\n\\n' | grep -x -e icanon -e echo -e isig | sort | xargs echo sane",
    "Enter",
  );
  await terminal.saw("sane echo icanon isig\nshell>");
  await shows("left", "nothing is left running");
});
