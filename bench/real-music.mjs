// node bench/real-music.mjs FOLDER [--model CHECKPOINTS] [--seconds N]: walks the whole way with real songs, from their folder
// to an exported adapter, by the command lines a user would write, and prints two tables: what was found in each song, and
// the processor time each command took. It writes into a temporary folder. The checkpoint is the toy by default.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { main } from "../packages/cli/dist/index.js";
import { decodeAudio } from "../packages/dataset/dist/index.js";

const toy = fileURLToPath(new URL("../tools/reference/toy/checkpoints", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { model: { type: "string", default: toy }, seconds: { type: "string", default: "30" } },
});
if (positionals[0] === undefined)
  throw new Error("name the folder with the songs: node bench/real-music.mjs FOLDER");
const songs = resolve(positionals[0]);

/** @type {{ name: string, processorS: number, wallS: number }[]} */
const stages = [];

/**
 * Runs one command line in this process, so that its processor time, worker threads included, can be told.
 *
 * @param {string[]} words
 * @returns {Promise<any>} the last of its JSON lines
 */
async function acewright(...words) {
  const [startMs, start] = [performance.now(), process.cpuUsage()];
  const said = { out: "", err: "" };
  const terminal = {
    out: (/** @type {string} */ text) => void (said.out += text),
    err: (/** @type {string} */ text) => void (said.err += text),
    ...{ interactive: false, columns: 80, color: false },
  };
  const never = new AbortController().signal;
  const code = await main([...words, "--json"], { terminal, signal: never, stopNow: never });
  if (code !== 0) throw new Error(`acewright ${words.join(" ")} ended with ${String(code)}: ${said.err}`);
  const { user, system } = process.cpuUsage(start);
  const name = words.slice(0, words[0] === "dataset" ? 2 : 1).join(" ");
  stages.push({ name, processorS: (user + system) / 1e6, wallS: (performance.now() - startMs) / 1000 });
  return JSON.parse(said.out.trimEnd().split("\n").at(-1) ?? "");
}

/** @param {unknown[][]} rows the first is the head */
function table([head = [], ...rows]) {
  const line = (/** @type {unknown[]} */ cells) =>
    `| ${cells.map((cell) => String(cell ?? "").replaceAll("|", "/")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line), ""].join("\n");
}

/** @param {{ value?: unknown, confidence: number } | undefined} heard */
const sure = (heard) =>
  heard === undefined ? "" : `${String(heard.value)} (${(heard.confidence * 100).toFixed(0)} %)`;

const folder = mkdtempSync(join(tmpdir(), "acewright-real-"));
try {
  const at = (/** @type {string} */ name) => join(folder, name);
  const [file, model] = [at("dataset.json"), ["--model", resolve(values.model)]];
  await acewright("dataset", "scan", songs, "-o", file, "--custom-tag", "real music");
  await acewright("dataset", "analyze", file);
  const { findings } = await acewright("dataset", "check", file, ...model, "--no-cache");
  await acewright("preprocess", file, "-o", at("tensors"), ...model, "--max-duration-s", values.seconds);
  const training = ["--max-steps", "20", "--crop-seconds", "8"];
  await acewright("train", at("tensors"), "-o", at("run"), ...model, ...training);
  const wanted = ["--caption", "real music", "--duration", "10", "-o", at("song.wav")];
  await acewright("generate", ...model, "--adapter", at("run"), ...wanted);
  const { loaded } = await acewright("export", at("run"), "--format", "peft", "-o", at("adapter"));

  const { samples } = JSON.parse(readFileSync(file, "utf8"));
  const manifest = JSON.parse(readFileSync(join(at("tensors"), "manifest.json"), "utf8"));
  let totalS = 0;
  const rows = [];
  for (const [index, sample] of samples.entries()) {
    const { source, durationS } = await decodeAudio(sample.audio_path);
    totalS += durationS;
    const heard = sample.acewright.analysis;
    const made = manifest.samples.find((/** @type {any} */ { id }) => id === sample.id);
    /** @type {{ sample: number, code: string }[]} */
    const own = findings.filter((/** @type {any} */ finding) => finding.sample === index);
    rows.push([
      ...[basename(sample.audio_path), `${durationS.toFixed(1)} s`, source.codec],
      ...[sure(heard.bpm), sure(heard.keyscale), sure(heard.timesignature)],
      ...[[...new Set(own.map(({ code }) => code))].join(", "), made.frames, made.tokens.join(", ")],
    ]);
  }
  const head = ["song", "duration", "codec", "tempo", "key", "time", "findings", "frames", "tokens"];
  console.log(table([head, ...rows]));
  const timed = stages.map(({ name, processorS, wallS }) => {
    const heardWhole = ["dataset analyze", "dataset check"].includes(name);
    const times = heardWhole ? `${(totalS / processorS).toFixed(0)} ×` : "";
    return [`\`${name}\``, processorS.toFixed(1), wallS.toFixed(1), times];
  });
  console.log(table([["command", "processor s", "s", "real time, a core"], ...timed]));
  const generated = await decodeAudio(at("song.wav"));
  const load = loadavg().map((value) => value.toFixed(1));
  console.log(
    `${generated.durationS.toFixed(1)} s generated; adapter loads with ${loaded.matched.length} tensors matched, ` +
      `${loaded.missing.length} missing. ${cpus()[0]?.model ?? ""}, Node ${process.versions.node}, load ${load.join(" ")}.`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
