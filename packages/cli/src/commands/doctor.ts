import { execFile } from "node:child_process";
import { statfs } from "node:fs/promises";
import { availableParallelism, freemem, release, totalmem, type } from "node:os";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { AceError, cudaReport, devices, formatBytes } from "@acewright/core-native";
import type { DeviceInfo } from "@acewright/core-native";
import { resolveEncoderDevice } from "@acewright/dataset";
import { Option } from "commander";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { takesSetting } from "../settings/apply.js";
import { verifyModels } from "../models/verify.js";

/** One thing looked at. */
interface Diagnosis {
  readonly name: string;
  /** `note`: works, but something is worth knowing. */
  readonly state: "ok" | "note" | "problem";
  readonly detail: string;
  readonly mend?: string;
}

/** Less than this is too little for the tensors of a hundred songs and a run's checkpoints. */
const comfortableDiskBytes = 5 * 2 ** 30;

export function doctorCommand(context: Context): Command {
  const command = leafCommand({
    name: "doctor",
    summary: "look at this machine: what works, what is missing, how to mend it",
    examples: ["doctor", "doctor --model checkpoints --json"],
  }).addOption(
    takesSetting(
      new Option(
        "-m, --model <dir>",
        "also check a folder of checkpoints; default: the setting models, if set",
      ),
      "models",
    ),
  );
  return command.action(async (options: { model?: string }) => {
    const output = outputOf(command, context);
    const found: Diagnosis[] = [
      node(),
      nativeCore(),
      ...cuda(),
      await encoders(),
      await ffmpeg(),
      memory(),
      await disk(process.cwd()),
      ...(options.model === undefined ? [] : models(resolve(options.model))),
    ];
    const problems = found.filter(({ state }) => state === "problem");
    const paint = { ok: output.colors.green, note: output.colors.yellow, problem: output.colors.red };
    output.result({ ok: problems.length === 0, found }, () =>
      found
        .map(({ name, state, detail, mend }) => {
          const line = `${paint[state](state.padEnd(7))}  ${name.padEnd(13)}  ${detail}`;
          return mend === undefined ? line : `${line}\n${" ".repeat(9)}${" ".repeat(15)}to mend: ${mend}`;
        })
        .join("\n"),
    );
    if (problems.length > 0) {
      throw new AceError("ERR_DEVICE", `not ready: ${problems.map(({ name }) => name).join(", ")}`);
    }
  });
}

function node(): Diagnosis {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const detail = `Node ${process.versions.node}, ${type()} ${release()}, ${process.arch}`;
  if (major > 20 || (major === 20 && minor >= 19)) return { name: "node", state: "ok", detail };
  return { name: "node", state: "problem", detail, mend: "install Node 20.19 or newer (https://nodejs.org)" };
}

function nativeCore(): Diagnosis {
  try {
    const cpu = devices().find(({ name }) => name === "cpu");
    const detail = `cpu: ${cpu?.description ?? ""}, ${cpu?.instructionSet ?? ""}, ${cpu?.threads ?? 0} threads`;
    return { name: "native core", state: "ok", detail };
  } catch (error) {
    if (!(error instanceof AceError)) throw error;
    return {
      name: "native core",
      state: "problem",
      detail: error.message,
      mend: "npm run setup, or reinstall",
    };
  }
}

/** Drivers and libraries first, then each card with what speaks against it. */
function cuda(): Diagnosis[] {
  try {
    const { usable, text } = cudaReport();
    const verdict: Diagnosis = usable
      ? { name: "cuda", state: "ok", detail: text }
      : { name: "cuda", state: "note", detail: `not used: ${text}` };
    const cards = devices().filter(({ name }) => name !== "cpu");
    return [verdict, ...cards.map(card)];
  } catch (error) {
    if (!(error instanceof AceError)) throw error;
    return []; // told by nativeCore()
  }
}

function card({ name, description, computeCapability, freeBytes, memoryBytes, note }: DeviceInfo): Diagnosis {
  const memory = `${formatBytes(freeBytes)} of ${formatBytes(memoryBytes)} free`;
  const detail = `${description}, compute capability ${computeCapability ?? "?"}, ${memory}`;
  return note === undefined
    ? { name, state: "ok", detail }
    : { name, state: "note", detail: `${detail}; ${note}` };
}

async function encoders(): Promise<Diagnosis> {
  const { name, reason } = await resolveEncoderDevice("auto");
  return { name: "encoders", state: "ok", detail: `onnxruntime on ${name} (${reason})` };
}

async function ffmpeg(): Promise<Diagnosis> {
  try {
    const { stdout } = await promisify(execFile)("ffmpeg", ["-version"]);
    return { name: "ffmpeg", state: "ok", detail: stdout.split("\n", 1)[0] ?? "" };
  } catch {
    const detail = "not found; wav, aiff, flac, mp3, ogg and opus work without it";
    return {
      name: "ffmpeg",
      state: "note",
      detail,
      mend: "install ffmpeg to read m4a, aac, wma, wv, ape, mka, webm, caf and ac3",
    };
  }
}

function memory(): Diagnosis {
  const detail = `${formatBytes(freemem())} of ${formatBytes(totalmem())} free, ${availableParallelism()} cores`;
  return { name: "memory", state: "ok", detail };
}

async function disk(folder: string): Promise<Diagnosis> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const detail = `${formatBytes(free)} free in ${folder}`;
  if (free >= comfortableDiskBytes) return { name: "disk", state: "ok", detail };
  return { name: "disk", state: "note", detail, mend: "free some space before preprocessing many songs" };
}

function models(folder: string): Diagnosis[] {
  return verifyModels(folder).map(({ part, detail, problems }) =>
    problems.length === 0
      ? { name: part, state: "ok", detail }
      : { name: part, state: "problem", detail: problems.join("; "), mend: "download this part again" },
  );
}
