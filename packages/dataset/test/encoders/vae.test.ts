import { AceError, readSafetensors, toFloat32, writeSafetensors } from "@acewright/core-native";
import type { HostTensor } from "@acewright/core-native";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { decodeFile } from "../../src/audio/decode-file.js";
import { decodeLatents, encodeLatents } from "../../src/encoders/latents.js";
import { decoderReach, encoderReach, readOobleckConfig } from "../../src/encoders/oobleck-config.js";
import type { StereoWave } from "../../src/encoders/vae.js";
import { VaeDecoder, VaeEncoder } from "../../src/encoders/vae.js";
import { golden, toy, toySongs, toyVae } from "../reference-folders.js";

const device = { name: "cpu", reason: "test" } as const;
const weightsFile = "diffusion_pytorch_model.safetensors";

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (b[i] as number))), 0);
}

const noise = (samples: number, seed: number): StereoWave => {
  let state = seed;
  const channel = (): Float32Array =>
    new Float32Array(samples).map(() => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32 - 0.5;
    });
  return [channel(), channel()];
};

describe("the toy autoencoder", () => {
  let encoder: VaeEncoder;
  let decoder: VaeDecoder;
  beforeAll(async () => {
    encoder = await VaeEncoder.open(toyVae, { device });
    decoder = await VaeDecoder.open(toyVae, { device });
  });
  afterAll(async () => {
    await encoder.close();
    await decoder.close();
  });

  test("gives the reference latents of the three songs, up to the posterior's own noise", async () => {
    const { tensors } = readSafetensors(join(toy, "expected.safetensors"));
    for (const [i, song] of toySongs.entries()) {
      const path = join(toy, "adapt", song.file);
      const audio = await decodeFile(
        { path, sampleRateHz: 48_000, maxDurationS: undefined },
        () => undefined,
      );
      const { frames, mean, std } = await encoder.encode(audio.channels);
      expect(frames).toBe(Math.round(song.durationS * 25));
      // x0 = mean + std n: what is left over must look like the noise n, or the means are off.
      const expected = toFloat32(tensors[`x0.${i}`] as HostTensor);
      const left = expected.map((value, at) => (value - (mean[at] as number)) / (std[at] as number));
      const average = left.reduce((sum, value) => sum + value, 0) / left.length;
      const deviation = Math.sqrt(left.reduce((sum, value) => sum + value ** 2, 0) / left.length);
      expect(Math.abs(average)).toBeLessThan(0.05);
      expect(deviation).toBeGreaterThan(0.95);
      expect(deviation).toBeLessThan(1.05);
    }
  });

  test("encodes in tiles what it encodes whole, also at the seams and with a fraction of a frame at the end", async () => {
    const wave = noise(1920 * 97 + 1234, 1);
    const whole = await encoder.encode(wave, { chunkFrames: 1000 });
    expect(whole.frames).toBe(97);
    for (const chunkFrames of [40, 33]) {
      const tiled = await encoder.encode(wave, { chunkFrames });
      expect(largestDifference(tiled.mean, whole.mean)).toBeLessThan(1e-5);
      expect(largestDifference(tiled.std, whole.std)).toBeLessThan(1e-5);
    }
  });

  test("decodes in tiles what it decodes whole", async () => {
    const latents = noise(64 * 60, 2)[0];
    const whole = await decoder.decode(latents, { chunkFrames: 1000 });
    const tiled = await decoder.decode(latents, { chunkFrames: 31 });
    expect(whole[0]).toHaveLength(60 * 1920);
    for (const channel of [0, 1] as const)
      expect(largestDifference(tiled[channel], whole[channel])).toBeLessThan(1e-5);
  });

  test("needs no more overlap than its reach says, and shows a seam with less", async () => {
    const wave = noise(1920 * 60, 3);
    const whole = await encoder.encode(wave, { chunkFrames: 1000 });
    const reach = encoderReach(encoder.config);
    const short = await encoder.encode(wave, { chunkFrames: 30, overlapFrames: 2 });
    expect(reach).toBeLessThan(10);
    expect(largestDifference(short.mean, whole.mean)).toBeGreaterThan(1e-5);
  });

  test("brings a song back so that one hears it: over 5 dB signal to distortion", async () => {
    const path = join(toy, "adapt", toySongs[0].file);
    const audio = await decodeFile({ path, sampleRateHz: 48_000, maxDurationS: 4 }, () => undefined);
    const { mean } = await encodeLatents(toyVae, audio.channels, { device: "cpu" });
    const wave = await decodeLatents(toyVae, mean, { device: "cpu" });
    let [signal, error] = [0, 0];
    for (const channel of [0, 1] as const) {
      for (const [i, value] of audio.channels[channel].entries()) {
        signal += value ** 2;
        error += (value - (wave[channel][i] as number)) ** 2;
      }
    }
    expect(10 * Math.log10(signal / error)).toBeGreaterThan(5);
  });

  test("tells its progress frame by frame and stops between tiles", async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    const work = encoder.encode(noise(1920 * 90, 4), {
      chunkFrames: 40,
      signal: stop.signal,
      onProgress: (done) => {
        seen.push(done);
        if (seen.length === 2) stop.abort(new Error("enough"));
      },
    });
    await expect(work).rejects.toThrow("enough");
    expect(seen).toEqual([24, 48]);
  });

  test("refuses unequal channels, less than a frame, and latents that are no frames", async () => {
    await expect(encoder.encode([new Float32Array(4000), new Float32Array(3999)])).rejects.toThrow(
      /4000 and 3999/,
    );
    await expect(encoder.encode(noise(1919, 1))).rejects.toThrow(/at least 1920/);
    await expect(decoder.decode(new Float32Array(65))).rejects.toThrow(/whole frames of 64/);
  });
});

test("the published sizes look 8 and 9 frames to either side", () => {
  const published = {
    audioChannels: 2,
    channelMultiples: [1, 2, 4, 8, 16],
    encoderWidth: 128,
    decoderWidth: 128,
    latentChannels: 64,
    ratios: [2, 4, 4, 6, 10],
    hop: 1920,
  };
  expect([encoderReach(published), decoderReach(published)]).toEqual([8, 9]);
});

describe("a folder of weights", () => {
  let folder: string;
  const tiny = join(golden, "tiny_vae");
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "acewright-vae-"));
    for (const file of ["config.json", weightsFile]) copyFileSync(join(tiny, file), join(folder, file));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const change = (edit: (tensors: Record<string, HostTensor>) => void): void => {
    const { tensors } = readSafetensors(join(folder, weightsFile));
    edit(tensors);
    writeSafetensors(join(folder, weightsFile), tensors);
  };
  const refusal = async (): Promise<string> => {
    const error: unknown = await VaeEncoder.open(folder, { device }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AceError);
    return (error as AceError).message;
  };

  test("of links into a cache is read", async () => {
    mkdirSync(join(folder, "blobs"));
    renameSync(join(folder, weightsFile), join(folder, "blobs", "ab12"));
    symlinkSync(join("blobs", "ab12"), join(folder, weightsFile));
    const wave = noise(1920 * 3, 5);
    const linked = await encodeLatents(folder, wave, { device: "cpu" });
    expect(linked).toEqual(await encodeLatents(tiny, wave, { device: "cpu" }));
  });

  test("that lacks a weight names it", async () => {
    change((tensors) => delete tensors["encoder.block.2.conv1.bias"]);
    expect(await refusal()).toContain('lacks the weight "encoder.block.2.conv1.bias"');
  });

  test("that holds a weight too many names it", async () => {
    change(
      (tensors) => (tensors["encoder.block.9.conv1.bias"] = tensors["encoder.conv1.bias"] as HostTensor),
    );
    expect(await refusal()).toContain('holds "encoder.block.9.conv1.bias"');
  });

  test("with a weight of another shape says both shapes", async () => {
    change(
      (tensors) => (tensors["encoder.conv1.bias"] = tensors["encoder.block.4.conv1.bias"] as HostTensor),
    );
    expect(await refusal()).toMatch(/config.json asks for \[\d+\]/);
  });

  test("with a weight of integers is refused", async () => {
    change((tensors) => {
      const { shape, data } = tensors["encoder.conv1.bias"] as HostTensor;
      tensors["encoder.conv1.bias"] = { dtype: "I32", shape, data };
    });
    expect(await refusal()).toContain("I32");
  });

  test.each([
    ["sampling_rate", 44_100],
    ["channel_multiples", [1, 2]],
    ["encoder_hidden_size", "eight"],
    ["downsampling_ratios", []],
  ])("whose config has %s = %j is refused", async (key, value) => {
    const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as object;
    writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, [key]: value }));
    expect(await refusal()).toContain("config.json");
  });

  test("without a config, or with a broken one, is refused", async () => {
    writeFileSync(join(folder, "config.json"), "{");
    expect(await refusal()).toContain("not JSON");
    rmSync(join(folder, "config.json"));
    expect(await refusal()).toContain(
      "config.json: does not exist; `acewright models download` brings models",
    );
    expect(() => readOobleckConfig(folder)).toThrow(AceError);
  });
});
