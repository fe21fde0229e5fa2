// npm run demo [-- FOLDER]: from nothing to a trained adapter and a song made with it, on the toy checkpoint and its
// three songs, or on the songs in FOLDER. Everything it makes goes to demo-out/.
import { existsSync, rmSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { fail, root, run } from "./child.mjs";
import { setUp } from "./setup.mjs";

const { positionals } = parseArgs({ allowPositionals: true, options: {} });
// npm tells where the user stood; relative folders are meant from there.
const given =
  positionals[0] === undefined ? undefined : resolve(process.env["INIT_CWD"] ?? ".", positionals[0]);
if (given !== undefined && !(existsSync(given) && statSync(given).isDirectory())) {
  fail(`demo: ${given} is not a folder; name a folder with songs, or none for the three that come along`, 2);
}

await setUp();

const out = join(root, "demo-out");
const cli = join(root, "packages/cli/bin/acewright.js");
const shown = (/** @type {string} */ path) => relative(process.env["INIT_CWD"] ?? root, path) || ".";
rmSync(out, { recursive: true, force: true });

/** @param {readonly string[]} args */
async function acewright(args) {
  const { code } = await run(process.execPath, [cli, ...args]);
  if (code !== 0) process.exit(code);
}

const checkpoints = join(out, "checkpoints");
const songs = join(out, "songs");
console.log("\n== the toy checkpoint: ACE-Step 1.5 in miniature, really trained");
await acewright(["models", "toy", checkpoints, ...(given === undefined ? ["--songs", songs] : [])]);
await acewright(["models", "verify", checkpoints]);

console.log("\n== songs, dataset, tensors, adapter, music");
// The settings of the reference run beside the toy (rank 8, alpha 16, crops of 128 frames), which lower the loss to a
// quarter in 300 steps.
const training = {
  adapter: "lora",
  rank: 8,
  alpha: 16,
  dropout: 0,
  "learning-rate": 2e-3,
  "batch-size": 3,
  "gradient-accumulation": 1,
  "crop-frames": 128,
  "max-steps": 300,
  epochs: 100_000,
  "save-every-epochs": 100,
  "validation-every": 50,
};
const flags = Object.entries(training).flatMap(([name, value]) => [`--${name}`, String(value)]);
const way = join(out, "way");
const model = join(checkpoints, "acestep-v15-toy");
const songFolder = given ?? songs;
await acewright([
  "run",
  songFolder,
  "-o",
  way,
  "--model",
  model,
  "--trigger",
  "my style",
  "--compare",
  ...flags,
]);

const command = `node ${shown(cli)}`;
console.log(`
Listen: ${shown(join(way, "song.wav"))} has the adapter, ${shown(join(way, "song-without-adapter.wav"))} has not.
The toy is 900 times smaller than the real model and sounds like it; the way is the same. What you might type next:

  ${command} generate --model ${shown(model)} --adapter ${shown(join(way, "run"))} --caption "my style, fast bells" -o bells.wav
  ${command} export ${shown(join(way, "run"))} --format peft --output my-style
  ${command} train ${shown(join(way, "tensors"))} -o runs/lokr --model ${shown(model)} --adapter lokr --learning-rate 5e-3 --max-steps 300
  ${command} doctor
  ${command} run YOUR-SONGS -o out --model checkpoints/acestep-v15-turbo --trigger "my style"`);
