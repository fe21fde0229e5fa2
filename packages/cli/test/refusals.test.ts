import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { toyFolders } from "../src/models/toy.js";
import { acewright } from "./acewright-process.js";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-refusals-"));
  const toy = toyFolders();
  cpSync(toy.checkpoints, join(folder, "checkpoints"), { recursive: true });
  cpSync(toy.songs, join(folder, "songs"), { recursive: true });
  mkdirSync(join(folder, "empty"));
  mkdirSync(join(folder, "broken"));
  writeFileSync(join(folder, "broken/song.wav"), "RIFF");
  writeFileSync(join(folder, "bad.json"), '{\n  "metadata": {},\n  "samples": [}\n');
  writeFileSync(join(folder, "slip.json"), '{ "learningrate": 1 }');
  writeFileSync(join(folder, "fine.json"), '{ "epochs": 2 }');
  writeFileSync(join(folder, "wrong.json"), '{"samples": [{"bpm": "fast"}]}');
  writeFileSync(join(folder, "outside.json"), '{"samples": [{"audio_path": "../../etc/passwd"}]}');
  writeFileSync(join(folder, "nothing.json"), '{"samples": []}');
  writeFileSync(join(folder, "missing.json"), '{"samples": [{"audio_path": "nowhere.wav", "caption": "x"}]}');
  cpSync(join(folder, "checkpoints"), join(folder, "damaged"), { recursive: true });
  truncateSync(join(folder, "damaged/acestep-v15-toy/model.safetensors"), 1000);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

test.each<[string, RegExp]>([
  ["modls", /unknown command 'modls' \(Did you mean models\?\)$/],
  ["presets erase mine", /unknown command 'erase'; `acewright presets --help` shows how/],
  ["presets export mine -o p.json", /unknown option '-o'; `acewright presets export --help` shows how/],
  ["dataset set bad.json bpm=1", /Expected 1 argument but got 2; `acewright dataset set --help` shows how/],
  ["dataset scann songs", /unknown command 'scann' \(Did you mean scan\?\)/],
  ["train t -m m -o o --rnk 8", /unknown option '--rnk' \(Did you mean --rank\?\)/],
  ["train t -m m -o o --rank 0", /^error: --rank takes a whole number from 1 to 4096, got "0"$/],
  ["train t -m m -o o --adapter lorra", /--adapter takes one of lora, dora, lokr, loha, got "lorra"/],
  ["train t -m m -o o --adapter lora --factor 4", /factor belongs to lokr/],
  ["train t -m m -o o --device gpu", /^error: --device takes one of auto, cpu, cuda or cuda:N, got "gpu"/],
  ["train t -m m -o o --layers 3-", /--layers takes numbers and ranges such as "0-11,23", got "3-"/],
  [
    "train t -m m -o o --config slip.json",
    /slip\.json: unknown key learningrate, did you mean learningRate\?$/,
  ],
  [
    "train t -m m -o o --config fine.json --adapter lora --factor 4",
    /^error: configuration: adapter\.factor belongs to lokr/,
  ],
  ["train t -m m", /output is missing; name the run folder with --output DIR/],
  ["train absent -m checkpoints -o o", /absent: does not exist; make tensors with `acewright preprocess`/],
  ["train bad.json -m checkpoints -o o", /bad\.json: is a file, a folder of tensors was expected/],
  ["models verify absent", /absent: is not a folder/],
  ["models verify damaged", /damaged: not usable \(music model\)/],
  ["models toy songs", /songs: holds files already/],
  ["models toy", /missing required argument 'dir'; `acewright models toy --help` shows how/],
  ["export run", /option '-f, --format <name>' not specified; `acewright export --help` shows how/],
  [
    "dataset label bad.json --lm",
    /'--lm <dir>' argument missing; `acewright dataset label --help` shows how/,
  ],
  [
    "dataset label missing.json -m checkpoints --lm absent",
    /absent.config\.json: does not exist; `acewright models download`/,
  ],
  ["dataset scan absent", /absent/],
  ["dataset scan empty", /empty: holds no song/],
  [
    "dataset scan songs -o nowhere/set.json",
    /nowhere.set\.json: cannot be written, the folder .*nowhere does not exist/,
  ],
  ["dataset scan broken", /broken: none of 1 song can be read; song\.wav/],
  ["dataset check bad.json", /bad\.json: line 3, column 15/],
  ["dataset check wrong.json", /wrong\.json: samples\[0\]\.bpm: expected number, got "fast"/],
  ["dataset check outside.json", /outside\.json|samples\[0\]\.audio_path: .* leaves the dataset's folder/],
  ["dataset check missing.json", /missing\.json: \d+ findings? must be mended/],
  ["preprocess bad.json -o made -m checkpoints", /bad\.json: line 3/],
  [
    "preprocess missing.json -o made -m absent",
    /absent: does not exist; .* `acewright models download` brings/,
  ],
  [
    "preprocess songs -o made",
    /songs: is a folder; expected a dataset\.json, which `acewright dataset scan` makes/,
  ],
  [
    "preprocess songs/bells-one.flac -o made -m checkpoints",
    /bells-one\.flac: is a song; expected a dataset\.json/,
  ],
  ["preprocess nothing.json -o made -m checkpoints", /nothing\.json: lists no song/],
  ["preprocess missing.json", /required option '-o, --output <dir>' not specified/],
  ["train empty -o o", /empty: holds no manifest\.json/],
  ["train --resume", /the run to go on with is missing; name its folder: `acewright train --resume RUN`/],
  ["generate -m checkpoints", /--caption is missing/],
  ["generate -m checkpoints --caption x -o nowhere/song.wav", /the folder .*nowhere does not exist/],
  ["generate -m checkpoints --caption x --duration 0.5", /--duration takes a number from 1 to 600/],
  ["export absent -f peft -o made", /absent/],
  [
    "export absent -f comfy -o made",
    /^error: --format takes one of peft, lycoris, comfyui, .* got "comfy" \(Did you mean comfyui\?\)$/,
  ],
  ["completion bsah", /^error: shell takes one of bash, zsh, fish, got "bsah" \(Did you mean bash\?\)$/],
  ["bench -m absent", /absent: does not exist; .* `acewright models toy` a small one to try with$/],
  ["bench -m checkpoints --steps 0", /^error: --steps takes a whole number from 1 to 10000, got "0"$/],
  ["bench -m checkpoints --seconds 5,900", /^error: --seconds takes a number from 1 to 600, got "900"$/],
  [
    "bench tensors -m checkpoints --seconds 5",
    /^error: seconds: is of invented songs, but .*tensors brings its own/,
  ],
  [
    "bench -m checkpoints --preset auto",
    /^error: preset auto is chosen for songs; name their folder of tensors/,
  ],
  ["bench -m checkpoints --adapter lora --factor 4", /factor belongs to lokr/],
  ["plan t -m m --memory 24", /^error: --memory takes a size such as 24GiB or 512MiB, got "24"$/],
  [
    "generate --caption x --seeds 1,2 -o x.wav",
    /--output x\.wav: --seeds and --prompts make songs .* name a folder/,
  ],
  ["generate --seeds 1,x", /^error: --seeds takes whole numbers from 0 on, got "x"$/],
  ["run empty -o made -m checkpoints", /empty: holds no song/],
  ["run songs -m checkpoints", /--output is missing/],
])("`acewright %s` ends with one line and exit code 2", async (line, message) => {
  const before = new Set(readdirSync(folder));
  const { code, out, err } = await acewright(line.split(" "), { cwd: folder });
  const lastLine = err.trimEnd().split("\n").at(-1) ?? "";
  expect(lastLine).toMatch(/^error: /);
  expect(lastLine).toMatch(message);
  expect(code).toBe(2);
  if (!line.startsWith("models verify") && !line.startsWith("dataset check")) expect(out).toBe("");
  const made = readdirSync(folder).filter((name) => !before.has(name));
  for (const name of made) {
    expect(readdirSync(join(folder, name)), `${name} is left half-made`).toEqual([]);
    rmSync(join(folder, name), { recursive: true });
  }
});

test("with --json the error is one JSON object and stdout holds nothing", async () => {
  const { code, out, err } = await acewright(["models", "verify", "absent", "--json"], { cwd: folder });
  expect(code).toBe(2);
  expect(out).toBe("");
  expect(JSON.parse(err)).toEqual({
    error: {
      code: "ERR_FILE",
      message: expect.stringContaining("absent") as string,
      advice: expect.stringContaining("dataset check") as string,
    },
  });
});

test("help and version end with 0, a group without a subcommand shows its help and ends with 2", async () => {
  expect(await acewright(["--version"])).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
  });
  expect(await acewright([])).toMatchObject({ code: 0, out: expect.stringContaining("Commands:") as string });
  const group = await acewright(["models"]);
  expect(group).toMatchObject({ code: 2, err: expect.stringContaining("toy") as string });
  expect(group.err).not.toContain("error:");
});

test("nothing is coloured or drawn when nobody looks", async () => {
  const { out, err } = await acewright(["dataset", "scan", "songs", "-o", "scanned.json"], { cwd: folder });

  expect(out + err).not.toMatch(/[\u001b\r]/);
  expect(existsSync(join(folder, "scanned.json"))).toBe(true);
});
