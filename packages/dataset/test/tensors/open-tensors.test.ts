import type { HostTensor } from "@acewright/core-native";
import { AceError, fromFloat32, readSafetensors, writeSafetensors } from "@acewright/core-native";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fileSha256 } from "../../src/fingerprint.js";
import type { Manifest } from "../../src/tensors/manifest.js";
import { writeManifest } from "../../src/tensors/manifest.js";
import { openTensors } from "../../src/tensors/open-tensors.js";
import type { TensorContent, TensorMetadata } from "../../src/tensors/tensor-file.js";
import { readTensorFile, writeTensorFile } from "../../src/tensors/tensor-file.js";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "acewright-tensors-"));
  path = join(folder, "song.safetensors");
  const silence = fromFloat32(Float32Array.of(0.1, 0.2, 0.3, 0.4), [2, 2]);
  writeSafetensors(join(folder, "silence_latent.safetensors"), { silence_latent: silence });
  writeTensorFile(path, content, metadata);
  await saveManifest();
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const content: TensorContent = {
  frames: 3,
  channels: 2,
  latents: Float32Array.of(1, 2, 3, 4, 5, 6),
  conditions: [Float32Array.of(1, 2, 3, 4), Float32Array.of(7, 8)],
  width: 2,
  contextLatents: undefined,
};
const segment = { lyrics: [0, 1], timbre: [1, 2], text: [2, 3] } satisfies TensorMetadata["segments"][number];
const metadata: TensorMetadata = {
  id: "song",
  prompt: {
    captions: ["piano", "keys"],
    lyrics: 'ü\n"quoted"',
    bpm: null,
    timesignature: "4",
    keyscale: "",
    language: "de",
  },
  source: { path: "/songs/song.wav", sha256: "ab" },
  durationS: 0.12,
  conditioning: "inference",
  modelFingerprint: "f",
  recipe: { version: 1 },
  segments: [segment, segment],
};

async function saveManifest(change: Partial<Extract<Manifest, { version: 1 }>> = {}): Promise<void> {
  writeManifest(folder, {
    format: "acewright.tensors",
    version: 1,
    model: { name: "turbo", fingerprint: "f" },
    conditioning: "inference",
    channels: 2,
    width: 2,
    silence: {
      file: "silence_latent.safetensors",
      sha256: await fileSha256(join(folder, "silence_latent.safetensors")),
    },
    dataset: { name: "n" },
    samples: [
      { id: "song", file: "song.safetensors", sha256: await fileSha256(path), frames: 3, tokens: [2, 1], caption: "piano", audioPath: "/songs/song.wav", repeats: 1 }, // prettier-ignore
    ],
    ...change,
  });
}

async function refusal(work: () => Promise<unknown>): Promise<string> {
  const error: unknown = await work().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(AceError);
  expect((error as AceError).code).toBe("ERR_FILE");
  expect((error as AceError).message).not.toContain("\n");
  return (error as AceError).message;
}

test("a song comes back as it was written, with the silence expanded to its context", async () => {
  const tensors = await openTensors(folder);
  const sample = await tensors.read("song");
  expect(sample.latents).toEqual(content.latents);
  expect(sample.conditions).toEqual(content.conditions);
  expect(sample.metadata).toEqual(metadata);
  const values = [0.1, 0.2, 1, 1, 0.3, 0.4, 1, 1, 0.1, 0.2, 1, 1].map(Math.fround);
  expect([...sample.contextLatents]).toEqual(values);
});

test("a context of its own is kept", async () => {
  const own = { ...content, contextLatents: new Float32Array(12).fill(0.5) };
  writeTensorFile(path, own, metadata);
  await saveManifest();
  expect((await (await openTensors(folder)).read("song")).contextLatents).toEqual(own.contextLatents);
});

test("writing twice gives the same bytes", () => {
  const first = readFileSync(path);
  writeTensorFile(path, content, metadata);
  expect(readFileSync(path).equals(first)).toBe(true);
});

describe("what is opened is refused when", () => {
  test("there is no manifest, or a broken one", async () => {
    writeFileSync(join(folder, "manifest.json"), "{");
    expect(await refusal(() => openTensors(folder))).toContain("JSON");
    rmSync(join(folder, "manifest.json"));
    expect(await refusal(() => openTensors(folder))).toContain("no manifest.json");
  });

  test.each([
    [{ version: 3 as never }, "is of version 3, this program reads 1 and 2; update it"],
    [{ samples: [] }, "lists no song"],
    [{ channels: 0 }, "channels"],
    [{ silence: { file: "../silence.safetensors", sha256: "0".repeat(64) } }, "silence.file"],
    [{ silence: { file: "silence_latent.safetensors", sha256: "0".repeat(64) } }, "checksum"],
    [{ silence: { file: "gone.safetensors", sha256: "0".repeat(64) } }, "cannot be read"],
    [{ channels: 3 }, "silence_latent"],
  ])("its manifest says %j", async (change, says) => {
    await saveManifest(change);
    expect(await refusal(() => openTensors(folder))).toContain(says);
  });

  test.each(["../song.safetensors", "/etc/passwd", "a/b.safetensors", "a\\b.safetensors", "song.pt"])(
    "a song's file is %s",
    async (file) => {
      const sample = {
        id: "x",
        file,
        sha256: "0".repeat(64),
        frames: 1,
        tokens: [1],
        caption: "",
        audioPath: "",
        repeats: 1,
      };
      await saveManifest({ samples: [sample] });
      expect(await refusal(() => openTensors(folder))).toContain("samples.0.file");
    },
  );
});

describe("a song is refused when", () => {
  const read = async (): Promise<unknown> => (await openTensors(folder)).read("song");

  test("it is not in the folder", async () => {
    const tensors = await openTensors(folder);
    expect(await refusal(() => tensors.read("other"))).toContain('no song "other"');
    rmSync(path);
    expect(await refusal(() => tensors.read("song"))).toContain("does not exist; preprocess again");
  });

  test("its file is not the one the manifest lists", async () => {
    writeTensorFile(path, { ...content, latents: new Float32Array(6) }, metadata);
    expect(await refusal(read)).toContain("checksum");
  });

  test("the manifest tells other sizes than the file", async () => {
    const sample = { id: "song", file: "song.safetensors", sha256: await fileSha256(path), frames: 4, tokens: [2, 1], caption: "", audioPath: "", repeats: 1 }; // prettier-ignore
    await saveManifest({ samples: [sample] });
    expect(await refusal(read)).toContain("3 frames of 2");
  });

  const edit = async (
    change: (file: { metadata: Record<string, string>; tensors: Record<string, HostTensor> }) => void,
  ): Promise<void> => {
    const file = readSafetensors(path);
    change(file);
    writeSafetensors(path, file.tensors, file.metadata);
    await saveManifest();
  };

  test("its metadata is of another format, no JSON, or lacks a field", async () => {
    await edit((file) => (file.metadata["recipe"] = "{"));
    expect(await refusal(read)).toContain("not JSON");
    await edit((file) => (file.metadata["recipe"] = '"no record"'));
    expect(await refusal(read)).toContain("recipe");
    await edit((file) => delete file.metadata["segments"]);
    expect(await refusal(read)).toContain("metadata");
    await edit((file) => (file.metadata["version"] = "9"));
    expect(await refusal(read)).toContain("not a tensor file of version 1");
  });

  test("one of its tensors was exchanged and the checksum inside does not match", async () => {
    await edit((file) => (file.tensors["target_latents"] = fromFloat32(new Float32Array(6), [3, 2])));
    expect(await refusal(read)).toContain("do not match their checksum");
  });

  test.each([
    ["a NaN", { latents: Float32Array.of(1, 2, 3, NaN, 5, 6) }, "target_latents holds NaN at row 1"],
    [
      "an infinity in a condition",
      { conditions: [Float32Array.of(1, 2), Float32Array.of(Infinity, 1)] },
      "encoder_hidden_states.1 holds Infinity",
    ],
    ["fewer conditions than its metadata", { conditions: [Float32Array.of(1, 2)] }, "1 conditions"],
    ["no condition", { conditions: [] }, "no encoder_hidden_states"],
    ["no latents", { latents: new Float32Array(0), frames: 0 }, "two axes"],
  ])("it holds %s", async (_what, change, says) => {
    writeTensorFile(path, { ...content, ...change }, metadata);
    await saveManifest();
    expect(await refusal(read)).toContain(says);
    expect(() => readTensorFile(path)).toThrow(AceError);
  });

  const twoAxes = (rows: number, columns: number): HostTensor =>
    fromFloat32(new Float32Array(rows * columns), [rows, columns]);
  const integers: HostTensor = { ...twoAxes(3, 2), dtype: "I32" };
  test.each([
    ["encoder_hidden_states.1", twoAxes(1, 3), "encoder_hidden_states.1 is 3 wide, the first 2"],
    ["context_latents", twoAxes(4, 4), "context_latents is [4, 4], expected [3, 4]"],
    ["context_latents", twoAxes(3, 2), "context_latents is [3, 2], expected [3, 4]"],
    ["target_latents", fromFloat32(new Float32Array(6), [3, 2, 1]), "target_latents is F32 [3, 2, 1]"],
    ["target_latents", integers, "target_latents is I32 [3, 2]"],
  ])("its %s were forged, though nobody compares checksums", async (name, tensor, says) => {
    await edit((file) => {
      file.tensors[name] = tensor;
      if (name === "context_latents") file.metadata["context"] = "stored";
    });
    const tensors = await openTensors(folder, { checksums: "never" });
    expect(await refusal(() => tensors.read("song"))).toContain(says);
  });

  test("it is another program's", async () => {
    await edit((file) => (file.metadata["format"] = "other"));
    expect(await refusal(read)).toContain("not a tensor file");
  });

  test.each([
    ["channels", { channels: 1, latents: new Float32Array(3) }, "3 frames of 1 and 2, 1 tokens of 2"],
    [
      "width",
      { width: 1, conditions: [new Float32Array(2), new Float32Array(1)] },
      "3 frames of 2 and 2, 1 tokens of 1",
    ],
    [
      "tokens",
      { conditions: [new Float32Array(4), new Float32Array(4)] },
      "3 frames of 2 and 2, 2 tokens of 2",
    ],
  ])("it has other %s than the manifest tells", async (_what, change, says) => {
    writeTensorFile(path, { ...content, ...change }, metadata);
    await saveManifest();
    expect(await refusal(read)).toContain(says);
  });
});

test("checking every song at opening ends when it is aborted", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(openTensors(folder, { checksums: "open", signal })).rejects.toThrow("enough");
});
