import { AceError, readModelConfig, removeAbandonedFiles } from "@acewright/core-native";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileSha256 } from "../fingerprint.js";
import { resolveModelFolders } from "../encoders/model-folders.js";
import { makeFolder } from "../preprocess/output-folder.js";
import { tensorIds } from "../preprocess/song-ids.js";
import type { ManifestHead } from "../tensors/manifest.js";
import { openStore } from "../tensors/open-store.js";
import { readTorchFile } from "../torch-file/read-torch-file.js";
import type { TorchFolder } from "./list-files.js";
import { listTorchFiles } from "./list-files.js";
import { SharedSilence } from "./shared-silence.js";
import { torchSong } from "./torch-song.js";

export interface ImportOptions {
  /** Folder of .pt files, of the official trainer or Side-Step. */
  readonly input: string;
  /** Folder for the tensors; made when it is missing. */
  readonly output: string;
  /** The checkpoint they were made with; without it the model stays unknown and training warns of that. */
  readonly model?: string;
  /** Length of a shard; undefined: a file a song. */
  readonly shardBytes?: number;
  readonly signal?: AbortSignal;
}

export type ImportEvent =
  | { readonly type: "start"; readonly files: number }
  | { readonly type: "warning"; readonly message: string }
  | { readonly type: "imported" | "skipped"; readonly file: string; readonly id: string }
  /** This file has no tensors of ours; the others go on. */
  | { readonly type: "failed"; readonly file: string; readonly error: AceError }
  | {
      readonly type: "done";
      readonly imported: number;
      readonly skipped: number;
      readonly failed: number;
      readonly folder: string;
    };

/**
 * Converts .pt files of the official trainer or Side-Step, one at a time. Nothing in them is ever run. A file that was
 * converted before and is unchanged is kept; one that is refused is told and left out.
 *
 * @throws {AceError} ERR_FILE, ERR_CONFIG for what concerns all files: folder, model, output. The signal's reason when aborted.
 */
export async function* importTorchTensors(options: ImportOptions): AsyncGenerator<ImportEvent, void> {
  const [input, output] = [resolve(options.input), resolve(options.output)];
  if (input === output)
    throw new AceError("ERR_CONFIG", `${output}: holds the .pt files; name another folder for the tensors`);
  const source = listTorchFiles(input);
  yield { type: "start", files: source.files.length };
  const { model, warnings } = modelOf(options.model, source);
  for (const message of [...source.warnings, ...warnings]) yield { type: "warning", message };
  makeFolder(output);
  removeAbandonedFiles(output);
  const store = await openStore(output, options.shardBytes);
  const silencePath = join(output, "silence_latent.safetensors");
  const silence = new SharedSilence(silencePath);
  const ids = tensorIds(source.files.map((file) => ({ id: file.replace(/\.pt$/, ""), audioFile: file })));
  const counts = { imported: 0, skipped: 0, failed: 0 };
  let sizes: { channels: number; width: number } | undefined;
  try {
    for (const [i, file] of source.files.entries()) {
      options.signal?.throwIfAborted();
      const [path, id] = [join(input, file), ids[i] as string];
      try {
        const sha256 = await checkedSum(path, source.checksums.get(file));
        const found = await store.find(id).catch(() => undefined);
        const isSame = found?.metadata.recipe["imported"] === sha256 && found.metadata.modelFingerprint === model.fingerprint; // prettier-ignore
        const song = isSame
          ? { ...found, repeats: found.sample.repeats }
          : torchSong(path, readTorchFile(path), { id, sha256, fingerprint: model.fingerprint });
        const { channels, width } = song.content;
        sizes ??= { channels, width };
        if (channels !== sizes.channels || width !== sizes.width)
          throw new AceError("ERR_FILE", `${path}: latents of ${channels} and conditions of ${width}, the files before have ${sizes.channels} and ${sizes.width}`); // prettier-ignore
        if (isSame) store.keep({ ...found.sample, repeats: repeatsOf(found.metadata.sample) });
        else store.put(silence.withoutSilence(song.content), song.metadata, song.repeats);
        counts[isSame ? "skipped" : "imported"]++;
        yield { type: isSame ? "skipped" : "imported", file, id };
      } catch (error) {
        if (!(error instanceof AceError) || error.code !== "ERR_FILE") throw error;
        counts.failed++;
        yield { type: "failed", file, error };
      }
    }
    if (sizes === undefined) store.finish(undefined, []);
    else {
      silence.ensure(sizes.channels);
      const head: ManifestHead = {
        format: "acewright.tensors",
        model,
        conditioning: "official",
        ...sizes,
        silence: { file: "silence_latent.safetensors", sha256: await fileSha256(silencePath) },
        dataset: source.dataset,
      };
      store.finish(head, ids);
    }
  } finally {
    store.close();
  }
  yield { type: "done", ...counts, folder: output };
}

function repeatsOf(sample: Readonly<Record<string, unknown>> | undefined): number {
  return typeof sample?.["repeat"] === "number" ? sample["repeat"] : 1;
}

/** The model the user names, or the variant that Side-Step wrote down. */
function modelOf(
  folder: string | undefined,
  { modelVariant }: TorchFolder,
): { model: ManifestHead["model"]; warnings: string[] } {
  if (folder === undefined) return { model: { name: modelVariant, fingerprint: "" }, warnings: [] };
  const { modelVersion, fingerprint } = readModelConfig(resolveModelFolders(folder).model);
  const differs =
    modelVariant !== "" && !modelVersion.includes(modelVariant) && !modelVariant.includes(modelVersion);
  const warning = `preprocess_meta.json says the tensors were made for ${modelVariant}, ${folder} is ${modelVersion}`;
  return { model: { name: modelVersion, fingerprint }, warnings: differs ? [warning] : [] };
}

/** SHA-256 of a file, whose MD5 is the one that was noted for it. */
async function checkedSum(path: string, md5: string | undefined): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new AceError("ERR_FILE", `${path}: cannot be read (${(cause as Error).message})`, { cause });
  }
  if (md5 !== undefined && createHash("md5").update(bytes).digest("hex") !== md5.toLowerCase())
    throw new AceError("ERR_FILE", `${path}: its checksum is not the one in preprocess_meta.json: it was changed or damaged`); // prettier-ignore
  return createHash("sha256").update(bytes).digest("hex");
}
