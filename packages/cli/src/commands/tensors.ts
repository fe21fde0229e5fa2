import { AceError, readModelConfig } from "@acewright/core-native";
import { importTorchTensors, inspectTensors, packTensors, resolveModelFolders } from "@acewright/dataset";
import type { InspectedSong, ManifestHead } from "@acewright/dataset";
import { Command, InvalidArgumentError } from "commander";
import { resolve } from "node:path";
import { leafCommand, outputOf, type Context } from "../command.js";
import { renderTable } from "../render/table.js";
import { fitWidth } from "../render/text-width.js";
import { formatClock } from "../render/units.js";

/** `tensors`: look at, convert and pack what training reads. */
export function tensorsCommand(context: Context): Command {
  return new Command("tensors")
    .description("tensors that training reads: look at them, convert other trainers', pack them into shards")
    .addCommand(inspectCommand(context))
    .addCommand(importCommand(context))
    .addCommand(packCommand(context));
}

function inspectCommand(context: Context): Command {
  const command = leafCommand({
    name: "inspect",
    summary: "list the songs of a folder of tensors, and check them",
    examples: [
      "tensors inspect tensors",
      "tensors inspect tensors --verify --model checkpoints",
      "tensors inspect old/song.pt",
    ],
    notes: "Ends with exit code 2 when a song is damaged, or the tensors are another model's than --model.",
  })
    .argument("<dir>", "folder of tensors, or one song's .safetensors or .pt")
    .option("--verify", "read every song: checksums, NaN and infinity, statistics")
    .option("-m, --model <dir>", "checkpoint they should belong to");
  return command.action(async (dir: string, options: { verify?: true; model?: string }) => {
    const output = outputOf(command, context);
    const bar = output.progress(options.verify === true ? "verify" : "inspect", "song");
    const songs: InspectedSong[] = [];
    let manifest: ManifestHead | undefined;
    const verify = options.verify === true;
    try {
      for await (const seen of inspectTensors(resolve(dir), { verify, signal: context.signal })) {
        manifest = seen.manifest;
        songs.push(seen.song);
        bar.update(songs.length, seen.songs);
      }
    } finally {
      bar.clear();
    }
    const mismatch =
      manifest === undefined || options.model === undefined ? undefined : otherModel(manifest, options.model);
    const damaged = songs.filter(({ problem }) => problem !== undefined);
    output.result(
      { ok: damaged.length === 0 && mismatch === undefined, manifest, mismatch, songs },
      () =>
      [songTable(songs, verify || songs.some(({ verified }) => verified !== undefined), output.terminal.columns), "", manifest === undefined ? "" : headLine(manifest, songs)].join("\n"), // prettier-ignore
    );
    for (const { problem = "" } of damaged) output.warn(problem);
    if (damaged.length > 0)
      throw new AceError("ERR_FILE", `${dir}: ${damaged.length} songs are damaged; preprocess again, what is right is kept`); // prettier-ignore
    if (mismatch !== undefined) throw new AceError("ERR_CHECKPOINT", `${dir}: ${mismatch}`);
  });
}

/** Why tensors do not belong to a checkpoint; undefined when they do. */
function otherModel({ model }: ManifestHead, folder: string): string | undefined {
  const { fingerprint, modelVersion } = readModelConfig(resolveModelFolders(resolve(folder)).model);
  if (model.fingerprint === fingerprint) return undefined;
  if (model.fingerprint === "") return "nobody wrote down which checkpoint they were made with";
  return `they were made with ${model.name}, another checkpoint than ${folder} (${modelVersion}); preprocess them with it`;
}

function headLine({ model, conditioning }: ManifestHead, songs: readonly InspectedSong[]): string {
  const seconds = songs.reduce((sum, song) => sum + song.seconds, 0);
  const name = model.name === "" ? "an unknown model" : model.name;
  return `${songs.length} songs, ${formatClock(seconds)}; conditions of ${name}, ${conditioning}`;
}

function songTable(songs: readonly InspectedSong[], verify: boolean, columns: number): string {
  const titles = ["song", "length", "frames", "captions", "tokens", "repeats", "caption", ...(verify ? ["state", "recipe", "latents mean ± std", "range"] : [])]; // prettier-ignore
  const right = new Set(["length", "frames", "captions", "tokens", "repeats"]);
  const rows = songs.map(({ sample, seconds, problem, verified }) => [
    sample.id,
    formatClock(seconds),
    String(sample.frames),
    String(sample.tokens.length),
    verified === undefined || verified.segments.length === 0
      ? sample.tokens.join(" ")
      : verified.segments
          .map(({ lyrics, timbre, text }) => [lyrics, timbre, text].map(([from, to]) => to - from).join("+"))
          .join(" "),
    String(sample.repeats),
    fitWidth(sample.caption.replaceAll("\n", " "), Math.max(12, columns - 110)),
    ...(verify
      ? [problem === undefined ? "ok" : "damaged", recipeWords(verified), ...statCells(verified)]
      : []),
  ]);
  return renderTable(
    titles.map((title) => ({ title, align: right.has(title) ? ("right" as const) : ("left" as const) })),
    rows,
  );
}

/** How latents were drawn, from what stretch of the song. */
function recipeWords(verified: InspectedSong["verified"]): string {
  const { posterior, seed, maxDurationS, imported } = verified?.recipe ?? {};
  if (imported !== undefined) return "imported";
  return [
    ...(typeof posterior === "string" ? [posterior] : []),
    ...(typeof seed === "number" ? [`seed ${seed}`] : []),
    ...(typeof maxDurationS === "number" ? [`first ${maxDurationS} s`] : []),
  ].join(", ");
}

function statCells(verified: InspectedSong["verified"]): [string, string] {
  if (verified === undefined) return ["", ""];
  const { mean, std, min, max } = verified.latents;
  return [`${mean.toFixed(3)} ± ${std.toFixed(3)}`, `${min.toFixed(2)} to ${max.toFixed(2)}`];
}

function importCommand(context: Context): Command {
  const command = leafCommand({
    name: "import",
    summary: "convert .pt files of the official trainer or Side-Step; nothing in them is run",
    examples: [
      "tensors import old-tensors -o tensors --model checkpoints/acestep-v15-turbo",
      "tensors import old-tensors -o tensors --shards 2",
    ],
    notes:
      "Files that were converted before are kept. One that is refused is named, and the exit code is then 2.",
  })
    .argument("<dir>", "folder of .pt files")
    .requiredOption("-o, --output <dir>", "folder for the tensors")
    .option("-m, --model <dir>", "checkpoint they were made with")
    .option("--shards <gib>", "many songs a file, each file up to so many GiB", gibibytes);
  return command.action(async (dir: string, options: { output: string; model?: string; shards?: number }) => {
    const output = outputOf(command, context);
    const bar = output.progress("import", "file");
    let [files, done, failed] = [0, 0, 0];
    const from = { input: resolve(dir), output: resolve(options.output), signal: context.signal };
    const model = options.model === undefined ? {} : { model: resolve(options.model) };
    const shards = options.shards === undefined ? {} : { shardBytes: options.shards };
    try {
      for await (const event of importTorchTensors({ ...from, ...model, ...shards })) {
        output.event(event.type === "failed" ? { ...event, error: event.error.message } : event);
        if (event.type === "start") files = event.files;
        else if (event.type === "warning") output.warn(event.message);
        else if (event.type === "done") {
          failed = event.failed;
          bar.finish();
          output.say(`tensors: ${event.imported} imported, ${event.skipped} kept, ${failed} failed: ${output.path(event.folder)}`); // prettier-ignore
        } else {
          bar.update(++done, files, event.file);
          if (event.type === "failed") output.warn(`left out: ${event.error.message}`);
        }
      }
    } finally {
      bar.clear();
    }
    if (failed > 0)
      throw new AceError("ERR_FILE", `${dir}: ${failed} files were not imported; the reasons stand above`);
  });
}

function packCommand(context: Context): Command {
  const command = leafCommand({
    name: "pack",
    summary: "put tensors into shards of many songs, or back into a file a song",
    examples: ["tensors pack tensors -o packed --shards 2", "tensors pack packed -o tensors --unpack"],
    notes:
      "The songs' bytes stay the same, so a training run goes on with either. An interrupted run goes on.",
  })
    .argument("<dir>", "folder of tensors")
    .requiredOption("-o, --output <dir>", "folder to write")
    .option("--shards <gib>", "length of a shard in GiB; default 2", gibibytes)
    .option("--unpack", "a file a song");
  return command.action(async (dir: string, options: { output: string; shards?: number; unpack?: true }) => {
    const output = outputOf(command, context);
    const bar = output.progress("pack", "song");
    const path = resolve(options.output);
    const packed = await packTensors({
      input: resolve(dir),
      output: path,
      shardBytes: options.unpack === true ? undefined : (options.shards ?? 2 * 2 ** 30),
      signal: context.signal,
      onProgress: (done, songs) => {
        bar.update(done, songs);
      },
    }).finally(() => {
      bar.clear();
    });
    output.result({ path, ...packed }, () => `${packed.songs} songs, ${packed.written} written: ${output.path(path)}`); // prettier-ignore
  });
}

function gibibytes(text: string): number {
  const value = Number(text);
  if (!(value >= 0.001 && value <= 64))
    throw new InvalidArgumentError(`--shards takes GiB from 0.001 to 64, got ${JSON.stringify(text)}.`);
  return Math.round(value * 2 ** 30);
}
