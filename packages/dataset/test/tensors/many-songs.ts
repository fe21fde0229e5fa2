import { fromFloat32, writeSafetensors } from "@acewright/core-native";
import { join } from "node:path";
import { fileSha256 } from "../../src/fingerprint.js";
import type { ManifestHead } from "../../src/tensors/manifest.js";
import type { TensorContent, TensorMetadata } from "../../src/tensors/tensor-file.js";

/** A small song whose values tell which one it is. */
export function numberedSong(n: number): { content: TensorContent; metadata: TensorMetadata } {
  const frames = 2 + (n % 3);
  return {
    content: {
      frames,
      channels: 2,
      latents: new Float32Array(2 * frames).fill(n),
      conditions: [new Float32Array(2 * (1 + (n % 2))).fill(-n)],
      width: 2,
      contextLatents: undefined,
    },
    metadata: {
      id: `song-${n}`,
      prompt: {
        captions: [`caption of song ${n}`],
        lyrics: "[Instrumental]",
        bpm: null,
        timesignature: "4",
        keyscale: "",
        language: "en",
      },
      source: { path: `/songs/${n}.wav`, sha256: "ab" },
      durationS: 0.1,
      conditioning: "inference",
      modelFingerprint: "f",
      recipe: { version: 1 },
      segments: [{ lyrics: [0, 1], timbre: [1, 1], text: [1, 1] }],
      sample: { id: `song-${n}`, "nobody's key": { kept: n } },
    },
  };
}

/** Writes the silence of a folder, and gives its manifest's head. */
export async function headFor(folder: string): Promise<ManifestHead> {
  const file = "silence_latent.safetensors";
  writeSafetensors(join(folder, file), { silence_latent: fromFloat32(new Float32Array(4), [2, 2]) });
  return {
    format: "acewright.tensors",
    model: { name: "turbo", fingerprint: "f" },
    conditioning: "inference",
    channels: 2,
    width: 2,
    silence: { file, sha256: await fileSha256(join(folder, file)) },
    dataset: {},
  };
}
