import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import {
  AceError,
  readSafetensors,
  saveSafetensors,
  type AceErrorCode,
  type HostTensor,
} from "@acewright/core-native";
import * as z from "zod";
import { TimestepLosses } from "../plan/adaptive-timesteps.js";
import { Judgement } from "../plan/judgement.js";
import { writeFolderAtomic } from "./atomic-folder.js";
import { nodeFiles, type Files } from "./files.js";

/**
 * Where a run stands besides weights and optimizer. Everything random and the data's order are functions of
 * (seed, step), so the step alone says where they go on; `epoch` and `microBatch` are written for people.
 */
export const Progress = z.strictObject({
  /** Steps done, skipped ones included. */
  step: z.int().min(0),
  seed: z.int().min(0),
  /** Epoch of the next step, from 0. */
  epoch: z.int().min(0),
  /** Micro-batches of that epoch already done. */
  microBatch: z.int().min(0),
  skippedSteps: z.int().min(0),
  /** Steps skipped in a row up to now. */
  skippedInARow: z.int().min(0),
  /** Step of the last validation. */
  validatedStep: z.int().min(0).nullable(),
  /** Lowest loss so far by what decides the best adapter. */
  best: z.strictObject({ step: z.int().min(0), loss: z.number() }).nullable(),
  judgement: Judgement.prefault({}),
  /** For adaptive timesteps. */
  timestepLosses: TimestepLosses,
});
export type Progress = z.infer<typeof Progress>;

const Checksums = z.strictObject({
  files: z.record(z.string(), z.strictObject({ bytes: z.int().min(0), sha256: z.string() })),
});

type Checksums = z.infer<typeof Checksums>;

const stateFile = "state.safetensors";
const checksumFile = "checksums.json";

/** What a checkpoint holds; the adapter's files are written by the adapter itself. */
export interface CheckpointContent {
  readonly progress: Progress;
  readonly optimizer: Record<string, HostTensor>;
  readonly saveAdapter: (folder: string) => Promise<void>;
}

/** Writes one checkpoint folder, whole or not at all. */
export async function writeCheckpoint(
  files: Files,
  target: string,
  content: CheckpointContent,
): Promise<void> {
  await writeFolderAtomic(files, target, async (folder) => {
    await content.saveAdapter(folder);
    const metadata = { format: "acewright-state", version: "1", progress: JSON.stringify(content.progress) };
    await saveSafetensors(join(folder, stateFile), content.optimizer, metadata);
    const sums: Checksums["files"] = {};
    for (const name of files.readdirSync(folder)) sums[name] = await checksum(join(folder, name));
    const descriptor = files.openSync(join(folder, checksumFile), "w");
    try {
      files.writeSync(descriptor, `${JSON.stringify({ files: sums }, null, 2)}\n`);
    } finally {
      files.closeSync(descriptor);
    }
  });
}

/** A checkpoint whose files are all there and unharmed. */
export interface Checkpoint {
  readonly folder: string;
  readonly progress: Progress;
  readonly optimizer: Record<string, HostTensor>;
  readonly adapter: Record<string, HostTensor>;
}

/** @throws {AceError} ERR_FILE naming the file that is missing, cut or changed. */
export async function readCheckpoint(folder: string, files: Files = nodeFiles): Promise<Checkpoint> {
  const names = await verifyFiles(files, folder);
  const { metadata, tensors } = readSafetensors(join(folder, stateFile));
  const progress = Progress.safeParse(parseJson(join(folder, stateFile), metadata["progress"] ?? ""));
  if (metadata["version"] !== "1" || !progress.success) {
    throw refusal("ERR_CHECKPOINT", join(folder, stateFile), "was not written by this version of Acewright");
  }
  const weights = names.filter((name) => name.endsWith(".safetensors") && name !== stateFile);
  const adapter = Object.assign(
    {},
    ...weights.map((name) => readSafetensors(join(folder, name)).tensors),
  ) as Record<string, HostTensor>;
  return { folder, progress: progress.data, optimizer: tensors, adapter };
}

async function verifyFiles(files: Files, folder: string): Promise<string[]> {
  const path = join(folder, checksumFile);
  if (!files.existsSync(path)) throw refusal("ERR_FILE", path, "is missing: the checkpoint is not complete");
  const sums = Checksums.safeParse(parseJson(path, files.readFileSync(path, "utf8")));
  if (!sums.success) throw refusal("ERR_FILE", path, "is not a list of checksums");
  for (const [name, expected] of Object.entries(sums.data.files)) {
    const file = join(folder, name);
    if (/[/\\]/.test(name))
      throw refusal("ERR_FILE", path, `names ${JSON.stringify(name)} outside its folder`);
    if (!files.existsSync(file)) throw refusal("ERR_FILE", file, "is missing");
    const { bytes, sha256 } = await checksum(file);
    if (bytes !== expected.bytes)
      throw refusal("ERR_FILE", file, `has ${bytes} bytes, ${expected.bytes} were written`);
    if (sha256 !== expected.sha256) throw refusal("ERR_FILE", file, "has changed since it was written");
  }
  if (sums.data.files[stateFile] === undefined) throw refusal("ERR_FILE", path, `does not list ${stateFile}`);
  return Object.keys(sums.data.files);
}

/** Between two pieces of the file the event loop has its turn. */
async function checksum(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  const piece = new Uint8Array(1 << 20);
  let bytes = 0;
  const file = await open(path);
  try {
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length, bytes);
      if (bytesRead === 0) break;
      hash.update(piece.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest("hex") };
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AceError("ERR_FILE", `${path}: holds damaged JSON`, { cause });
  }
}

function refusal(code: AceErrorCode, path: string, what: string): AceError {
  return new AceError(code, `${path}: ${what}`);
}
