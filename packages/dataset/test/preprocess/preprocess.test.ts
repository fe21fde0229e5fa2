import type { ConditionRequest, ConditionResult } from "@acewright/core-native";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { writeWav } from "../../src/audio/write-wav.js";
import type { ConditionNetwork } from "../../src/preprocess/condition-network.js";
import type { PreprocessEvent } from "../../src/preprocess/events.js";
import type { PreprocessOptions } from "../../src/preprocess/preprocess-run.js";
import { preprocess } from "../../src/preprocess/preprocess.js";
import { openTensors } from "../../src/tensors/open-tensors.js";
import { toyModel } from "../reference-folders.js";

// Decoding threads run the built package; here the same decoder works on this thread.
vi.mock(import("../../src/audio/decode.js"), async (original) => {
  const { decodeFile } = await import("../../src/audio/decode-file.js");
  return {
    ...(await original()),
    decodeAudio: (path, options) =>
      decodeFile({ path, sampleRateHz: 48_000, maxDurationS: options?.maxDurationS }, () => undefined),
  };
});

// The condition encoder is the native package's own, tested there and, together with this, against the reference in
// preprocess-reference.test.ts. Here a stand-in shows what reaches it.

let folder: string;
let output: string;
let dataset: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-preprocess-"));
  output = join(folder, "tensors");
  dataset = join(folder, "dataset.json");
  tone("a.wav", 1.2);
  tone("b.wav", 1.5);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const width = 8;

/** Text, timbre and lyrics lengths in the first values, so that a test can see what was given. */
class CountingNetwork implements ConditionNetwork {
  static opened = 0;
  readonly config = {
    fingerprint: "model-1",
    modelVersion: "turbo",
    encoderHiddenSize: width,
    textHiddenSize: 64,
    latentChannels: 64,
    timbreFrames: 750,
  };
  readonly requests: ConditionRequest[] = [];
  constructor() {
    CountingNetwork.opened++;
  }
  encode(request: ConditionRequest): Promise<ConditionResult> {
    this.requests.push(request);
    const [lyrics, text] = [request.lyrics.length / 64, request.text.length / 64];
    const tokens = lyrics + 1 + text;
    const hiddenStates = new Float32Array(tokens * width).map((_, i) => request.text[i % 64] ?? 0);
    return Promise.resolve({
      hiddenStates,
      tokens,
      validTokens: tokens,
      segments: { lyrics: [0, lyrics], timbre: [lyrics, lyrics + 1], text: [lyrics + 1, tokens] },
    });
  }
  close(): void {
    this.requests.length = 0;
  }
}

function tone(name: string, seconds: number, level = 0.3): void {
  const wave = new Float32Array(Math.round(48_000 * seconds)).map((_, i) => level * Math.sin(i / 20));
  writeWav(join(folder, name), [wave, wave], 48_000);
}

const song = (name: string, more: object = {}): object => ({
  id: name.split(".")[0],
  audio_path: name,
  caption: `caption of ${name}`,
  ...more,
});

function save(...samples: object[]): void {
  writeFileSync(dataset, JSON.stringify({ metadata: { custom_tag: "tagged" }, samples }));
}

async function run(options: Partial<PreprocessOptions> = {}): Promise<PreprocessEvent[]> {
  const events: PreprocessEvent[] = [];
  const all = {
    dataset,
    output,
    model: toyModel,
    device: "cpu" as const,
    openConditionNetwork: () => Promise.resolve(new CountingNetwork()),
    ...options,
  };
  for await (const event of preprocess(all)) events.push(event);
  return events;
}

const of = <Type extends PreprocessEvent["type"]>(
  events: readonly PreprocessEvent[],
  type: Type,
): Extract<PreprocessEvent, { type: Type }>[] => events.filter((event) => event.type === type) as never;

const counts = (events: readonly PreprocessEvent[]): number[] => {
  const done = of(events, "done")[0];
  return done === undefined ? [] : [done.made, done.skipped, done.failed];
};

test("repeats reach the manifest, and changing them makes no tensors again", async () => {
  save(song("a.wav", { repeat: 3 }), song("b.wav"));
  await run();
  expect((await openTensors(output)).samples.map(({ repeats }) => repeats)).toEqual([3, 1]);
  save(song("a.wav"), song("b.wav", { repeat: 12 }));
  expect(counts(await run())).toEqual([0, 2, 0]);
  expect((await openTensors(output)).samples.map(({ repeats }) => repeats)).toEqual([1, 12]);
  save(song("a.wav", { repeat: 0.5 }));
  await expect(run()).rejects.toThrow("a whole number from 1 to 1000");
});

test("into shards: the same tensors, kept and made again as files are", async () => {
  save(song("a.wav", { "nobody's key": [1] }), song("b.wav"));
  await run();
  const files = await openTensors(output);
  const shards = join(folder, "shards");
  const into = { output: shards, shards: 1 };
  expect(counts(await run(into))).toEqual([2, 0, 0]);
  expect(readdirSync(shards).sort()).toEqual([
    "index.jsonl",
    "manifest.json",
    "shard-00000.bin",
    "silence_latent.safetensors",
  ]);
  const packed = await openTensors(shards);
  for (const { id } of files.samples) expect(await packed.read(id)).toEqual(await files.read(id));
  expect((await packed.read("a")).metadata.sample).toMatchObject({
    "nobody's key": [1],
    audio_path: "a.wav",
  });

  expect(counts(await run(into))).toEqual([0, 2, 0]);
  save(song("a.wav", { caption: "other" }), song("b.wav"));
  const again = await run({ output: shards });
  expect(counts(again)).toEqual([1, 1, 0]);
  expect(of(again, "stale")).toMatchObject([{ id: "a", reason: "caption, lyrics or metas changed" }]);
  const { size } = statSync(join(shards, "shard-00000.bin"));
  truncateSync(join(shards, "shard-00000.bin"), size - 1);
  const damaged = await run({ output: shards });
  expect(counts(damaged)).toEqual([1, 1, 0]);
  expect(of(damaged, "stale")[0]?.reason).toContain("it ends at byte");
  expect((await openTensors(shards, { checksums: "open" })).samples.map(({ id }) => id)).toEqual(["a", "b"]);
  await expect(run({ shards: 1 })).rejects.toThrow("holds a file a song");
});

describe("a dry run", () => {
  test("tells what would be made and why, and writes nothing", async () => {
    save(song("a.wav"), song("b.wav"), song("missing.wav"));
    const first = await run({ dryRun: true });
    expect(existsSync(output)).toBe(false);
    expect(first.at(-1)).toMatchObject({ type: "planned", pending: 2, skipped: 0, failed: 1 });
    const [planned] = of(first, "planned");
    expect(planned?.audioS).toBeCloseTo(2.7, 6);
    expect(planned?.freeBytes).toBeGreaterThan(planned?.tensorsBytes ?? Infinity);

    await run();
    const before = readdirSync(output).map((name) => [name, statSync(join(output, name)).mtimeMs]);
    save(song("a.wav", { caption: "other words" }), song("b.wav"));
    const opened = CountingNetwork.opened;
    const second = await run({ dryRun: true });
    expect(of(second, "stale").map(({ reason }) => reason)).toEqual([expect.stringMatching(/caption/)]);
    expect(second.at(-1)).toMatchObject({ type: "planned", pending: 1, skipped: 1, failed: 0 });
    // Opened once to be timed.
    expect(CountingNetwork.opened).toBe(opened + 1);
    expect(of(second, "planned")[0]?.seconds).toBeGreaterThan(0);
    expect(readdirSync(output).map((name) => [name, statSync(join(output, name)).mtimeMs])).toEqual(before);
  });

  test("looks into shards without mending them", async () => {
    save(song("a.wav"));
    await run({ shards: 1 });
    const index = join(output, "index.jsonl");
    const cut = `${readFileSync(index, "utf8")}{"id":"cut`;
    writeFileSync(index, cut);
    expect((await run({ dryRun: true })).at(-1)).toMatchObject({ type: "planned", pending: 0, skipped: 1 });
    expect(readFileSync(index, "utf8")).toBe(cut);
  });

  test("promises more room than the tensors then take", async () => {
    save(song("a.wav"), song("b.wav"));
    const [planned] = of(await run({ dryRun: true }), "planned");
    await run();
    const taken = readdirSync(output)
      .filter((name) => name.endsWith(".safetensors") && !name.startsWith("silence"))
      .reduce((sum, name) => sum + statSync(join(output, name)).size, 0);
    expect(planned?.tensorsBytes).toBeGreaterThan(taken);
    expect(planned?.peakBytes).toBeGreaterThan(taken);
  });
});

describe("a first run", () => {
  test("writes a file per song and a manifest, and openTensors reads them", async () => {
    save(song("a.wav", { bpm: 120 }), song("b.wav"));
    const events = await run();
    expect(counts(events)).toEqual([2, 0, 0]);
    expect(of(events, "phase").map(({ phase }) => phase)).toEqual(["latents", "prompts", "conditions"]);
    expect(readdirSync(output).sort()).toEqual([
      "a.safetensors",
      "b.safetensors",
      "manifest.json",
      "silence_latent.safetensors",
    ]);

    const tensors = await openTensors(output);
    expect(tensors.manifest.model).toEqual({ name: "turbo", fingerprint: "model-1" });
    expect(tensors.samples.map(({ id, frames }) => [id, frames])).toEqual([["a", 30], ["b", 37]]); // prettier-ignore
    const sample = await tensors.read("a");
    expect(sample.latents).toHaveLength(30 * 64);
    expect(sample.contextLatents).toHaveLength(30 * 128);
    expect([...sample.contextLatents.slice(64, 128)]).toEqual(new Array(64).fill(1));
    expect(sample.metadata).toMatchObject({
      id: "a",
      prompt: { captions: ["tagged, caption of a.wav"], bpm: 120, lyrics: "[Instrumental]" },
      durationS: 1.2,
      conditioning: "inference",
    });
    const [segments] = sample.metadata.segments;
    expect(sample.conditions[0]).toHaveLength((segments?.text[1] as number) * width);
  });

  test("gives the condition encoder 750 frames of silence as timbre", async () => {
    save(song("a.wav"));
    const seen: ConditionRequest[] = [];
    const network = new CountingNetwork();
    await run({
      openConditionNetwork: () =>
        Promise.resolve(Object.assign(network, { close: () => void seen.push(...network.requests) })),
    });
    expect(seen[0]?.timbre[0]).toHaveLength(750 * 64);
    expect(seen[0]?.textMask?.every((bit) => bit === 1)).toBe(true);
  });

  test("under official conditioning pads to 256 and 512 tokens, masks the padding, and gives one zero frame", async () => {
    save(song("a.wav"));
    const seen: ConditionRequest[] = [];
    const network = new CountingNetwork();
    await run({
      conditioning: "official",
      openConditionNetwork: () =>
        Promise.resolve(Object.assign(network, { close: () => void seen.push(...network.requests) })),
    });
    const [request] = seen;
    expect([request?.text.length, request?.lyrics.length]).toEqual([256 * 64, 512 * 64]);
    expect(request?.timbre).toEqual([new Float32Array(64)]);
    expect(request?.lyricMask?.at(-1)).toBe(0);
  });

  test("makes one condition per caption variant", async () => {
    save(song("a.wav", { acewright: { captions: ["another way to say it, at more length"] } }));
    await run();
    const tensors = await openTensors(output);
    const sample = await tensors.read("a");
    expect(sample.conditions).toHaveLength(2);
    expect(sample.metadata.prompt.captions[1]).toBe("tagged, another way to say it, at more length");
    expect(sample.conditions[0]?.length).not.toBe(sample.conditions[1]?.length);
  });

  test("gives the same bytes twice, and other latents with another seed", async () => {
    save(song("a.wav"));
    await run();
    const first = readFileSync(join(output, "a.safetensors"));
    await run({ output: join(folder, "again") });
    expect(readFileSync(join(folder, "again", "a.safetensors")).equals(first)).toBe(true);
    await run({ output: join(folder, "other"), seed: 1 });
    const latents = async (of: string): Promise<Float32Array> =>
      (await (await openTensors(of)).read("a")).latents;
    expect(await latents(join(folder, "other"))).not.toEqual(await latents(output));
  });

  test("crops to the maximum duration, and the prompt speaks of that length", async () => {
    tone("long.wav", 4);
    save(song("long.wav"));
    const [made] = of(await run({ maxDurationS: 2 }), "made");
    expect([made?.frames, made?.durationS]).toEqual([50, 2]);
  });
});

describe("a second run", () => {
  beforeEach(async () => {
    save(song("a.wav"), song("b.wav"));
    await run();
  });

  test("keeps what is right and opens no network", async () => {
    const before = CountingNetwork.opened;
    const changed = statSync(join(output, "a.safetensors")).mtimeMs;
    const events = await run();
    expect(counts(events)).toEqual([0, 2, 0]);
    expect(CountingNetwork.opened).toBe(before);
    expect(statSync(join(output, "a.safetensors")).mtimeMs).toBe(changed);
    expect((await openTensors(output)).samples).toHaveLength(2);
  });

  test("makes again what changed and says why", async () => {
    save(song("a.wav", { caption: "new words" }), song("b.wav"));
    let events = await run();
    expect(of(events, "stale")).toMatchObject([{ id: "a", reason: "caption, lyrics or metas changed" }]);
    expect(counts(events)).toEqual([1, 1, 0]);
    // The audio is the same, so the autoencoder has nothing to do.
    expect(of(events, "phase").map(({ phase }) => phase)).toEqual(["prompts", "conditions"]);

    tone("b.wav", 1.6);
    events = await run();
    expect(of(events, "stale")).toMatchObject([{ id: "b", reason: "the audio file changed" }]);
    expect(of(events, "made")).toMatchObject([{ id: "b", frames: 40 }]);
    expect(of(await run({ posterior: "mean" }), "stale")[0]?.reason).toMatch(/sample or mean changed/);
  });

  test("makes a damaged file again", async () => {
    truncateSync(join(output, "a.safetensors"), 2000);
    const events = await run();
    expect(of(events, "stale")[0]?.reason).toMatch(/not a valid safetensors file/);
    expect(counts(events)).toEqual([1, 1, 0]);
  });

  test("makes a file again in which one bit changed", async () => {
    const path = join(output, "a.safetensors");
    const bytes = readFileSync(path);
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] as number) ^ 1;
    writeFileSync(path, bytes);
    expect(of(await run(), "stale")[0]?.reason).toMatch(/do not match their checksum/);
  });

  test("leaves a song that is no longer in the dataset out of the manifest", async () => {
    save(song("b.wav"));
    await run();
    expect((await openTensors(output)).samples.map(({ id }) => id)).toEqual(["b"]);
  });
});

describe("tensors are made again for one reason each, and it is told", () => {
  beforeEach(async () => {
    save(song("a.wav"));
    await run();
  });
  /** Leaves as soon as it is told, before anything is made. */
  const reasonOf = async (options: Partial<PreprocessOptions>): Promise<string | undefined> => {
    for await (const event of preprocess({ dataset, output, model: toyModel, device: "cpu", ...options })) {
      if (event.type === "stale") return event.reason;
      if (event.type === "planned") return undefined;
    }
    throw new Error("nothing was planned");
  };

  test.each<[string, Partial<PreprocessOptions>]>([
    ["the conditioning changed", { conditioning: "official" }],
    ["the seed changed", { seed: 5 }],
    ["the maximum duration changed", { maxDurationS: 1 }],
    ["the normalisation changed", { normalize: "peak" }],
    ["the choice of sample or mean changed, the seed changed", { posterior: "mean" }],
  ])("%s", async (reason, options) => {
    expect(await reasonOf(options)).toBe(reason);
  });

  test.each([
    ["they belong to another model", "acestep-v15-toy", "config.json"],
    ["the autoencoder changed", "vae", "config.json"],
    ["the text encoder or its tokenizer changed", "Qwen3-Embedding-0.6B", "tokenizer_config.json"],
  ])("%s", async (reason, part, file) => {
    const copy = join(folder, "checkpoints");
    cpSync(join(toyModel, ".."), copy, { recursive: true });
    const model = join(copy, "acestep-v15-toy");
    expect(await reasonOf({ model })).toBeUndefined();
    const config = JSON.parse(readFileSync(join(copy, part, file), "utf8")) as object;
    writeFileSync(join(copy, part, file), JSON.stringify({ ...config, note: "another" }));
    expect(await reasonOf({ model })).toBe(reason);
  });

  test("a chunk that lies elsewhere", async () => {
    tone("a.wav", 10);
    const chunked = { chunks: "random", chunkS: 4, chunksPerSong: 1 } as const;
    await run(chunked);
    expect(await reasonOf({ ...chunked, seed: 1 })).toBe(
      "the seed changed, the chunk or the variant changed",
    );
  });
});

describe("bad songs do not stop the others", () => {
  test.each([
    ["is missing", "gone.wav", undefined, /does not exist/],
    ["is empty", "empty.wav", Buffer.alloc(0), /empty/],
    ["is no audio", "text.wav", Buffer.from("hello, this is not audio at all"), /text.wav/],
  ])("one that %s", async (_what, name, bytes, says) => {
    if (bytes !== undefined) writeFileSync(join(folder, name), bytes);
    save(song(name), song("a.wav"));
    const events = await run();
    expect(counts(events)).toEqual([1, 0, 1]);
    const [failed] = of(events, "failed");
    expect(failed?.error.message).toMatch(says);
    expect(failed?.error.message).not.toContain("\n");
    expect(failed?.error.isUserError).toBe(true);
    expect((await openTensors(output)).samples.map(({ id }) => id)).toEqual(["a"]);
  });

  test("one that is silent, one that is too short, one without a caption", async () => {
    tone("silent.wav", 2, 0);
    tone("short.wav", 0.5);
    save(
      song("silent.wav"),
      song("short.wav"),
      song("b.wav", { caption: "", custom_tag: "" }),
      song("a.wav"),
    );
    writeFileSync(dataset, readFileSync(dataset, "utf8").replace('"tagged"', '""'));
    const events = await run();
    const messages = of(events, "failed").map(({ error }) => error.message);
    expect(messages).toHaveLength(3);
    expect(messages.some((line) => line.includes("b.wav: has no caption"))).toBe(true);
    expect(messages.some((line) => line.includes("silent from end to end"))).toBe(true);
    expect(messages.some((line) => line.includes("lasts 0.50 s"))).toBe(true);
    expect(counts(events)).toEqual([1, 0, 3]);
  });

  test("songs that all fail leave no manifest", async () => {
    save(song("gone.wav"));
    expect(counts(await run())).toEqual([0, 0, 1]);
    expect(existsSync(join(output, "manifest.json"))).toBe(false);
    await expect(openTensors(output)).rejects.toThrow(/no manifest.json/);
  });
});

describe("an interrupted run", () => {
  test("ends with the signal's reason and goes on later without doing the work twice", async () => {
    save(song("a.wav"), song("b.wav"));
    const stop = new AbortController();
    const seen: PreprocessEvent[] = [];
    const events = preprocess({
      dataset,
      output,
      model: toyModel,
      device: "cpu",
      signal: stop.signal,
      openConditionNetwork: () => {
        stop.abort(new Error("stopped by the test"));
        return Promise.resolve(new CountingNetwork());
      },
    });
    await expect(
      (async () => {
        for await (const event of events) seen.push(event);
      })(),
    ).rejects.toThrow("stopped by the test");
    expect(of(seen, "done")).toEqual([]);
    const later = await run();
    expect(counts(later)).toEqual([2, 0, 0]);
    expect(of(later, "phase").map(({ phase }) => phase)).toEqual(["conditions"]);
    expect(existsSync(join(output, ".parts"))).toBe(false);
  });

  test("that was killed leaves no half-written file behind once it goes on", async () => {
    save(song("a.wav"));
    await run();
    const left = ".a.safetensors.4194305-0a0b0c0d.tmp";
    writeFileSync(join(output, left), "half");
    await run({ dryRun: true });
    expect(existsSync(join(output, left))).toBe(true);
    await run();
    expect(existsSync(join(output, left))).toBe(false);
  });

  test("by leaving the loop stops the work before the loop returns", async () => {
    save(song("a.wav"), song("b.wav"));
    const options = { dataset, output, model: toyModel, device: "cpu" as const };
    for await (const event of preprocess({
      ...options,
      openConditionNetwork: () => Promise.resolve(new CountingNetwork()),
    })) {
      if (event.type === "phase") break;
    }
    expect(existsSync(join(output, "manifest.json"))).toBe(false);
  });
});

test("what songs and model give cause to say is told before anything is made", async () => {
  const checkpoints = join(folder, "checkpoints");
  cpSync(join(toyModel, ".."), checkpoints, { recursive: true });
  const model = join(checkpoints, "acestep-v15-toy");
  cpSync(model, join(checkpoints, "acestep-v15-other"), { recursive: true });
  for (const name of readdirSync(model)) if (name.startsWith("silence")) rmSync(join(model, name));
  save(song("a.wav", { caption: "bells at 120 bpm" }));
  const told: PreprocessEvent[] = [];
  for await (const event of preprocess({ dataset, output, model, device: "cpu", variants: ["tempo=1.1"] })) {
    if (event.type === "planned") break;
    told.push(event);
  }
  expect(of(told, "warning")).toEqual([
    { type: "warning", message: expect.stringContaining("has no silence latent of its own") as string },
    { type: "warning", id: "a", message: expect.stringContaining("is not true of its variants") as string },
  ]);
});

describe("what concerns all songs is thrown", () => {
  test("a disk that will not hold the tensors, before anything is made", async () => {
    writeFileSync(join(folder, "unknown.wav"), "its length is as the dataset says");
    save(song("unknown.wav", { duration: 1e12 }), song("a.wav"));
    const opened = CountingNetwork.opened;
    await expect(run()).rejects.toThrow(/tensors: needs .* while it works, the disk has .*; free some space/);
    expect(CountingNetwork.opened).toBe(opened);
    expect(readdirSync(output)).toEqual(["silence_latent.safetensors"]);
  });

  test("a model folder that is not there", async () => {
    save(song("a.wav"));
    await expect(run({ model: join(folder, "none") })).rejects.toThrow(
      /does not exist; expected a checkpoint folder/,
    );
  });

  test("an autoencoder that is not there", async () => {
    save(song("a.wav"));
    copyFileSync(join(toyModel, "config.json"), join(folder, "config.json"));
    await expect(run({ model: folder })).rejects.toThrow(/neither holds a config.json; download vae/);
  });

  test("a setting out of range", async () => {
    save(song("a.wav"));
    await expect(run({ maxDurationS: -1 })).rejects.toThrow(/maxDurationS/);
  });

  test("an output folder that cannot be made", async () => {
    save(song("a.wav"));
    await expect(run({ output: join(folder, "a.wav", "x") })).rejects.toThrow(/cannot be made/);
  });

  test("a condition encoder that fails by itself", async () => {
    save(song("a.wav"));
    const broken = (): Promise<ConditionNetwork> =>
      Promise.resolve(
        Object.assign(new CountingNetwork(), { encode: () => Promise.reject(new Error("a fault of ours")) }),
      );
    await expect(run({ openConditionNetwork: broken })).rejects.toThrow("a fault of ours");
  });
});
