import type { ConditionRequest, ConditionResult } from "@acewright/core-native";
import { fromFloat32, readSafetensors, toFloat32, writeSafetensors } from "@acewright/core-native";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writeWav } from "../../src/audio/write-wav.js";
import type { ConditionNetwork } from "../../src/preprocess/condition-network.js";
import type { PreprocessEvent } from "../../src/preprocess/events.js";
import type { PreprocessOptions } from "../../src/preprocess/preprocess-run.js";
import { toy } from "../reference-folders.js";

const builtUrl = pathToFileURL(join(import.meta.dirname, "../../dist/index.js")).href;
const built = (await import(builtUrl)) as typeof import("../../src/index.js");
const checkpoints = join(toy, "checkpoints");

let folder: string;
let dataset: string;
let output: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-faults-"));
  dataset = join(folder, "dataset.json");
  output = join(folder, "tensors");
  tone("short", 2);
  save("short");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function tone(name: string, seconds: number): void {
  const wave = new Float32Array(48_000 * seconds).map((_, i) => 0.3 * Math.sin(i / 20));
  writeWav(join(folder, `${name}.wav`), [wave, wave], 48_000, "pcm16");
}

function save(...names: string[]): void {
  const samples = names.map((id) => ({ id, audio_path: `${id}.wav`, caption: `a ${id} tone` }));
  writeFileSync(dataset, JSON.stringify({ metadata: {}, samples }));
}

async function run(options: Partial<PreprocessOptions> = {}): Promise<PreprocessEvent[]> {
  const events: PreprocessEvent[] = [];
  const model = join(checkpoints, "acestep-v15-toy");
  for await (const event of built.preprocess({ dataset, output, model, device: "cpu", ...options }))
    events.push(event);
  return events;
}

/** A copy of the toy's checkpoints in which one network's weights hold a NaN. */
function poisoned(network: string, file: string, isPoisoned: (name: string) => boolean): string {
  const copy = join(folder, "checkpoints");
  cpSync(checkpoints, copy, { recursive: true });
  const path = join(copy, network, file);
  const { tensors, metadata } = readSafetensors(path);
  const name = Object.keys(tensors).find(isPoisoned) as string;
  const tensor = tensors[name] as NonNullable<(typeof tensors)[string]>;
  const values = toFloat32(tensor).fill(NaN);
  rmSync(path);
  writeSafetensors(path, { ...tensors, [name]: fromFloat32(values, tensor.shape) }, metadata);
  return join(copy, "acestep-v15-toy");
}

const failures = (events: readonly PreprocessEvent[]): string[] =>
  events.flatMap((event) => (event.type === "failed" ? [event.error.message] : []));

describe("NaN from a network names the song and the stage, and nothing is written of it", () => {
  test("the autoencoder", async () => {
    const model = poisoned("vae", "diffusion_pytorch_model.safetensors", (name) =>
      /^encoder.*bias$/.test(name),
    );
    expect(failures(await run({ model }))).toEqual([
      expect.stringMatching(/short\.wav: its latents hold NaN or infinity; listen to the file/),
    ]);
  });

  test("the text encoder", async () => {
    const model = poisoned("Qwen3-Embedding-0.6B", "model.safetensors", (name) =>
      name.endsWith("norm.weight"),
    );
    expect(failures(await run({ model }))).toEqual([
      expect.stringMatching(/short\.wav: its text states hold NaN or infinity; look at its caption/),
    ]);
  });

  test("the condition encoder, for one song of two", async () => {
    save("short", "other");
    tone("other", 3);
    const events = await run({ openConditionNetwork: () => Promise.resolve(new SometimesNaN()) });
    expect(failures(events)).toEqual([
      expect.stringMatching(/short\.wav: its condition states hold NaN or infinity/),
    ]);
    expect(events.at(-1)).toMatchObject({ type: "done", made: 1, failed: 1 });
    expect(readdirSync(output).sort()).toEqual([
      "manifest.json",
      "other.safetensors",
      "silence_latent.safetensors",
    ]);
  });
});

describe("a place that cannot take tensors, or a dataset without songs, is refused and left as it was", () => {
  test("a dataset that lists no song", async () => {
    save();
    await expect(run()).rejects.toThrow(/dataset\.json: lists no song; scan a folder that holds songs/);
    expect(existsSync(output)).toBe(false);
  });

  test("a folder of songs", async () => {
    const before = readdirSync(folder);
    await expect(run({ output: folder })).rejects.toThrow(
      /holds songs \("short\.wav"\) and no tensors; name a new folder/,
    );
    expect(readdirSync(folder)).toEqual(before);
  });

  test("a file", async () => {
    await expect(run({ output: dataset })).rejects.toThrow(/dataset\.json: is a file; name a new folder/);
  });
});

test("a song given for a dataset is told so, not called text of another encoding", async () => {
  await expect(run({ dataset: join(folder, "short.wav") })).rejects.toThrow(
    /short\.wav: is a song; expected a dataset\.json, which `acewright dataset scan` makes/,
  );
});

/** NaN for the first song it is given. */
class SometimesNaN implements ConditionNetwork {
  readonly config = {
    fingerprint: "m",
    modelVersion: "turbo",
    encoderHiddenSize: 8,
    textHiddenSize: 64,
    latentChannels: 64,
    timbreFrames: 750,
  };
  #calls = 0;
  encode({ text }: ConditionRequest): Promise<ConditionResult> {
    const tokens = text.length / 64;
    const hiddenStates = new Float32Array(tokens * 8).fill(this.#calls++ === 0 ? NaN : 1);
    const segments = { lyrics: [0, 0], timbre: [0, 0], text: [0, tokens] } as ConditionResult["segments"];
    return Promise.resolve({ hiddenStates, tokens, validTokens: tokens, segments });
  }
  close(): void {
    this.#calls = 0;
  }
}

// A real refusal of the system in the middle of a write: no file may have more than 385 kB, and 62 s of latents have 397.
const full = "a disk that is full ends the run in one line with nothing half-written, and it goes on later";
test.skipIf(process.platform === "win32")(full, { timeout: 120_000 }, async () => {
  tone("long", 62);
  save("short", "long");
  const program = join(folder, "program.mjs");
  writeFileSync(
    program,
    `import { preprocess } from ${JSON.stringify(builtUrl)};
     const [dataset, output, model] = process.argv.slice(2);
     try {
       for await (const event of preprocess({ dataset, output, model, device: "cpu", threads: 1 }));
     } catch (error) {
       console.error(error.code + " " + error.message);
       process.exit(1);
     }`,
  );
  const command = `ulimit -f 376; exec "$0" "$@"`;
  const args = [program, dataset, output, join(checkpoints, "acestep-v15-toy")];
  const child = spawn("bash", ["-c", command, process.execPath, ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = (await once(child, "close")) as [number | null];
  expect(stderr).toMatch(/^ERR_FILE [^\n]+long\.latents\.safetensors: could not be written: EFBIG[^\n]+\n$/);
  expect(code).toBe(1);
  // Nothing half-written: no temporary name, no manifest, and the song that was done is kept.
  expect(readdirSync(output).sort()).toEqual([".parts", "silence_latent.safetensors"]);
  expect(readdirSync(join(output, ".parts"))).toEqual(["short.latents.safetensors"]);

  const later = await run();
  expect(later.at(-1)).toMatchObject({ type: "done", made: 2, failed: 0 });
  expect(later.find(({ type }) => type === "phase")).toMatchObject({ phase: "latents", songs: 1 });
  expect(existsSync(join(output, ".parts"))).toBe(false);
  const tensors = await built.openTensors(output, { checksums: "open" });
  expect(tensors.samples.map(({ id, frames }) => [id, frames])).toEqual([
    ["short", 50],
    ["long", 1550],
  ]);
});
