import { readFileSync } from "node:fs";
import { basename, extname } from "node:path";
import { torchSong } from "../import/torch-song.js";
import { readTorchFile } from "../torch-file/read-torch-file.js";
import type { ManifestHead, ManifestSample } from "./manifest.js";
import { sha256Of } from "./song-bytes.js";
import type { TensorContent, TensorMetadata } from "./tensor-file.js";
import { readTensorFile } from "./tensor-file.js";
import { songFacts } from "./tensor-store.js";

/** One song's tensors that lie by themselves, with what a manifest would say of them. */
export interface LoneSong {
  readonly manifest: ManifestHead;
  readonly sample: ManifestSample;
  readonly content: TensorContent;
  readonly metadata: TensorMetadata;
}

/**
 * Reads one tensor file of ours, or a `.pt` of the official trainer or Side-Step; nothing in it is run.
 *
 * @throws {AceError} ERR_FILE naming the file and what does not fit.
 */
export function readLoneSong(path: string): LoneSong {
  const [name, isTorch] = [basename(path), extname(path) === ".pt"];
  const torch = { id: basename(path, ".pt"), sha256: "", fingerprint: "" };
  const song = isTorch
    ? torchSong(path, readTorchFile(path), torch)
    : { ...readTensorFile(path), repeats: 1 };
  const { content, metadata, repeats } = song;
  const { channels, width } = content;
  const manifest: ManifestHead = {
    format: "acewright.tensors",
    model: { name: "", fingerprint: metadata.modelFingerprint },
    conditioning: metadata.conditioning,
    channels,
    width,
    silence: { file: "", sha256: "" },
    dataset: {},
  };
  const sha256 = sha256Of([readFileSync(path)]);
  return {
    manifest,
    content,
    metadata,
    sample: { ...songFacts(content, metadata, { repeats, sha256 }), file: name },
  };
}
