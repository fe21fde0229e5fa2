import type { HostTensor } from "@acewright/core-native";
import { toFloat32 } from "@acewright/core-native";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ImportEvent, ImportOptions } from "../../src/import/import-tensors.js";
import { importTorchTensors } from "../../src/import/import-tensors.js";
import { inspectTensors } from "../../src/tensors/inspect-tensors.js";
import { openTensors } from "../../src/tensors/open-tensors.js";
import { readTorchFile } from "../../src/torch-file/read-torch-file.js";
import { toyModel } from "../reference-folders.js";
import { op, pickle, torchBytes } from "../torch-file/torch-bytes.js";

// Written by torch.save: tools/reference/make_torch_tensors.py.
const fixtures = fileURLToPath(new URL("../fixtures/torch", import.meta.url));

let folder: string;
let input: string;
let output: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-import-"));
  [input, output] = [join(folder, "pt"), join(folder, "tensors")];
  mkdirSync(input);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function run(options: Partial<ImportOptions> = {}): Promise<ImportEvent[]> {
  const events: ImportEvent[] = [];
  for await (const event of importTorchTensors({ input, output, ...options })) events.push(event);
  return events;
}

function stored(path: string, key: string): number[] {
  const dict = readTorchFile(path) as Map<string, HostTensor>;
  return [...toFloat32(dict.get(key) as HostTensor)];
}

test("the official layout: padding is gone, silence is shared, other contexts and all metadata stay", async () => {
  cpSync(join(fixtures, "official"), input, { recursive: true });
  expect((await run()).at(-1)).toMatchObject({ type: "done", imported: 3, skipped: 0, failed: 0 });
  const tensors = await openTensors(output, { checksums: "open" });
  expect(tensors.manifest).toMatchObject({
    model: { name: "", fingerprint: "" },
    conditioning: "official",
    width: 8,
    dataset: { custom_tag: "zxc" },
  });
  expect(tensors.samples.map(({ id, frames, tokens }) => [id, frames, tokens])).toEqual([["1a2b", 12, [7]], ["3c4d", 20, [9]], ["5e6f", 16, [5]]]); // prettier-ignore
  for (const { id, tokens } of tensors.samples) {
    const path = join(input, `${id}.pt`);
    const read = await tensors.read(id);
    expect([...read.latents]).toEqual(stored(path, "target_latents"));
    expect([...read.contextLatents]).toEqual(stored(path, "context_latents"));
    const states = stored(path, "encoder_hidden_states");
    expect([...(read.conditions[0] ?? [])]).toEqual(states.slice(0, 8 * (tokens[0] ?? 0)));
  }
  expect((await tensors.read("1a2b")).metadata).toMatchObject({
    prompt: { captions: ["a, piano"], bpm: 120, language: "en" },
    sample: { preprocess_mode: "lora", duration: 3, filename: "a.wav" },
  });
  for await (const { song } of inspectTensors(output, { verify: true })) expect(song.problem).toBeUndefined();
  expect((await run()).at(-1)).toMatchObject({ imported: 0, skipped: 3 });
  expect((await openTensors(output, { checksums: "open" })).samples).toEqual(tensors.samples);
});

test("Side-Step's layout: model variant, repeats and checksums are read, its temporary files are not", async () => {
  cpSync(join(fixtures, "side-step"), input, { recursive: true });
  expect((await run({ shardBytes: 1e6 })).at(-1)).toMatchObject({ imported: 1, failed: 0 });
  const tensors = await openTensors(output);
  expect(tensors.manifest).toMatchObject({ model: { name: "turbo" }, dataset: { custom_tag: "zxc" } });
  expect(tensors.samples).toMatchObject([{ id: "folder__d", repeats: 3, tokens: [6], frames: 14 }]);
  expect((await tensors.read("folder__d")).metadata.sample).toMatchObject({ genre: "bells", prompt_override: null }); // prettier-ignore
  copyFileSync(join(fixtures, "official", "1a2b.pt"), join(input, "folder__d.pt"));
  const failed = (await run({ output: join(folder, "other") })).find(({ type }) => type === "failed");
  expect(failed?.type === "failed" && failed.error.message).toContain("preprocess_meta.json");
});

test("files that are refused are named in one line, run nothing, and the others go on", async () => {
  copyFileSync(join(fixtures, "official", "1a2b.pt"), join(input, "good.pt"));
  copyFileSync(join(fixtures, "runs-a-command.pt"), join(input, "command.pt"));
  writeFileSync(join(input, "text.pt"), "no zip");
  const many = Buffer.alloc(1_100_000, "}");
  writeFileSync(join(input, "many-values.pt"), torchBytes(pickle(many)));
  let nested = op.list();
  for (let i = 0; i < 100; i++) nested = op.list(nested);
  writeFileSync(join(input, "nested.pt"), torchBytes(pickle(nested)));
  const bomb = op.tensor("FloatStorage", "0", 20_000_000, [20_000_000], [1]);
  writeFileSync(join(input, "bomb.pt"), torchBytes(pickle(bomb), { 0: Buffer.alloc(80_000_000) }, { deflate: true })); // prettier-ignore
  const expanded = op.tensor("FloatStorage", "0", 1, [100_000_000], [0]);
  writeFileSync(join(input, "expanded.pt"), torchBytes(pickle(expanded), { 0: Buffer.alloc(4) }));
  const events = await run();
  const failures = new Map(events.flatMap((event) => (event.type === "failed" ? [[event.file, event.error.message]] : []))); // prettier-ignore
  for (const message of failures.values()) expect(message).not.toContain("\n");
  expect(failures.get("command.pt")).toMatch(/system.*nothing was run/);
  expect(failures.get("many-values.pt")).toContain("more than 1000000 values");
  expect(failures.get("nested.pt")).toContain("nested without end");
  expect(failures.get("bomb.pt")).toContain("unpack to more than");
  expect(failures.get("expanded.pt")).toContain("unpack to more than");
  expect([...failures.keys()].sort()).toEqual(["bomb.pt", "command.pt", "expanded.pt", "many-values.pt", "nested.pt", "text.pt"]); // prettier-ignore
  expect(existsSync("/tmp/acewright-was-run")).toBe(false);
  expect((await openTensors(output)).samples.map(({ id }) => id)).toEqual(["good"]);
});

test("a list that leads out of the folder is not followed", async () => {
  copyFileSync(join(fixtures, "official", "1a2b.pt"), join(folder, "outside.pt"));
  copyFileSync(join(fixtures, "official", "1a2b.pt"), join(input, "in.pt"));
  writeFileSync(join(input, "manifest.json"), JSON.stringify({ samples: ["..\\outside.pt", "/etc/x.pt", "in.pt", "gone.pt"] })); // prettier-ignore
  const events = await run();
  expect(events.filter(({ type }) => type === "warning")).toHaveLength(3);
  expect(events.at(-1)).toMatchObject({ imported: 1, failed: 0 });
  await expect(run({ output: input })).rejects.toThrow("another folder");
  const below = run({ output: join(input, "in.pt", "tensors") });
  await expect(below).rejects.toMatchObject({ code: "ERR_FILE", message: expect.stringMatching(/cannot be made/) as string }); // prettier-ignore
});

test("a file of other sizes than the first is refused, and the others are listed", async () => {
  const torch = (channels: number): Buffer => {
    const at = (key: string, shape: [number, number]): Buffer =>
      op.tensor("FloatStorage", key, shape[0] * shape[1], shape, [shape[1], 1]);
    const dict = op.dict(
      op.text("target_latents"), at("0", [2, channels]),
      op.text("context_latents"), at("1", [2, 2 * channels]),
      op.text("encoder_hidden_states"), at("2", [3, 8]),
    ); // prettier-ignore
    return torchBytes(pickle(dict), { 0: Buffer.alloc(8 * channels), 1: Buffer.alloc(16 * channels), 2: Buffer.alloc(96) }); // prettier-ignore
  };
  writeFileSync(join(input, "a.pt"), torch(4));
  writeFileSync(join(input, "b.pt"), torch(6));
  writeFileSync(join(input, "c.pt"), torch(4));
  const events = await run();
  expect(events.find((event) => event.type === "failed")).toMatchObject({ file: "b.pt" });
  expect(JSON.stringify(events.map((event) => event.type === "failed" && event.error.message))).toContain(
    "latents of 6 and conditions of 8, the files before have 4 and 8",
  );
  expect((await openTensors(output)).samples.map(({ id }) => id)).toEqual(["a", "c"]);
});

test("with a model its name and fingerprint stand in the manifest, files converted without it are made again, and another variant is told", async () => {
  cpSync(join(fixtures, "side-step"), input, { recursive: true });
  const meta = join(input, "preprocess_meta.json");
  writeFileSync(meta, readFileSync(meta, "utf8").replace('"turbo"', '"base"'));
  await run();
  const events = await run({ model: toyModel });
  expect(events.at(-1)).toMatchObject({ imported: 1, skipped: 0 });
  const { manifest, samples } = await openTensors(output);
  expect(manifest.model.fingerprint).not.toBe("");
  const told = events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
  expect(told).toEqual([
    `preprocess_meta.json says the tensors were made for base, ${toyModel} is ${manifest.model.name}`,
  ]);
  // Kept as it is the second time, with its repeats.
  expect((await run({ model: toyModel })).at(-1)).toMatchObject({ imported: 0, skipped: 1 });
  expect((await openTensors(output)).samples).toEqual(samples);
  expect(samples[0]?.repeats).toBe(3);
});

test("a stop ends it with the signal's reason before the next file, and it goes on later; what a killed run left is cleared", async () => {
  cpSync(join(fixtures, "official"), input, { recursive: true });
  const stop = new AbortController();
  const begin = importTorchTensors({ input, output, signal: stop.signal });
  const seen: string[] = [];
  const stopped = (async () => {
    for await (const { type } of begin) {
      seen.push(type);
      if (type === "imported") stop.abort(new Error("stopped"));
    }
  })();
  await expect(stopped).rejects.toThrow("stopped");
  expect(seen).toEqual(["start", "imported"]);
  const left = ".3c4d.safetensors.4194305-0a0b0c0d.tmp";
  writeFileSync(join(output, left), "half");
  expect((await run()).at(-1)).toMatchObject({ imported: 2, skipped: 1 });
  expect(existsSync(join(output, left))).toBe(false);
});

test("one file is inspected by itself: a .pt as it is, and what it became", async () => {
  cpSync(join(fixtures, "official"), input, { recursive: true });
  await run();
  for (const path of [join(input, "1a2b.pt"), join(output, "1a2b.safetensors")]) {
    const seen = [];
    for await (const one of inspectTensors(path)) seen.push(one);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      manifest: { conditioning: "official", width: 8 },
      song: {
        sample: { id: "1a2b", frames: 12, tokens: [7] },
        verified: { latents: { min: expect.any(Number) as number } },
      },
    });
  }
  const bad = join(folder, "bad.pt");
  writeFileSync(bad, "no torch file");
  await expect(inspectTensors(bad).next()).rejects.toThrow(/bad\.pt/);
});
