import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  AceError,
  Adapter,
  Decoder,
  readSafetensors,
  writeFileAtomic,
  type HostTensor,
  type LoadReport,
} from "@acewright/core-native";
import { musicModelFolder } from "../native.js";
import { writeFolderAtomic } from "../run/atomic-folder.js";
import { nodeFiles } from "../run/files.js";
import { readRunConfig } from "../run/run-folder.js";
import { foreignNames, formatOf, moduleCount, parameterCount, type AdapterFormat } from "./adapter-names.js";
import { findAdapter, type FoundAdapter, type RunAdapter } from "./find-adapter.js";

/** What to export, and where to. */
export interface ExportOptions {
  readonly format: AdapterFormat;
  /** PEFT: a folder that does not exist or is empty. LyCORIS: such a folder, or a `.safetensors` file. */
  readonly output: string;
  /** Which adapter of a run; default: the trained one. */
  readonly which?: RunAdapter;
  /** Base model to load the result into; default: the run's own. `false`: do not load it. */
  readonly model?: string | false;
}

/** What was written, and what loading it again found. */
export interface ExportReport {
  readonly source: string;
  readonly format: AdapterFormat;
  readonly files: readonly string[];
  readonly modules: number;
  readonly parameters: number;
  /** The strings inside the file: trigger, base model, settings. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Each tensor was found in the base model and came out as it went in; undefined where no model was loaded. */
  readonly loaded: (LoadReport & { readonly model: string }) | undefined;
}

/**
 * Writes a trained adapter in a layout that other programs load, reads it back and compares every tensor bit by bit.
 *
 * @param source a run, or an adapter's folder or file.
 * @throws {AceError} ERR_CONFIG where adapter and format do not fit; ERR_FILE; ERR_CHECKPOINT where the result does not
 *   load.
 */
export async function exportAdapter(source: string, options: ExportOptions): Promise<ExportReport> {
  const found = findAdapter(source, options.which);
  const { tensors, metadata } = readSafetensors(found.weights);
  const names = Object.keys(tensors);
  const format = formatOf(names);
  if (format === undefined) {
    throw new AceError(
      "ERR_CHECKPOINT",
      `${found.weights}: holds no adapter, its first tensor is ${names[0] ?? "missing"}`,
    );
  }
  refuseOtherFormat(found, format, options.format);
  const foreign = foreignNames(names, format);
  if (foreign.length > 0) {
    throw new AceError(
      "ERR_CHECKPOINT",
      `${found.weights}: ${foreign.length} of ${names.length} tensors have names that ${format} loaders pass over, the first is ${foreign[0] ?? ""}`,
    );
  }
  const model = modelOf(found, options.model);
  const files =
    format === "peft" ? await writePeft(found, options.output) : writeLycoris(found, options.output);
  compare(readSafetensors(files[0] ?? "").tensors, tensors, files[0] ?? "");
  const loaded = model === undefined ? undefined : await loadBack(model, files[0] ?? "", tensors);
  return {
    source: found.weights,
    format,
    files,
    modules: moduleCount(names),
    parameters: parameterCount(tensors),
    metadata,
    loaded,
  };
}

function refuseOtherFormat(found: FoundAdapter, format: AdapterFormat, asked: AdapterFormat): void {
  if (format === asked) return;
  const [is, fits] = format === "peft" ? ["a LoRA or DoRA", "peft"] : ["a LoKr or LoHa", "lycoris"];
  throw new AceError(
    "ERR_CONFIG",
    `${found.weights}: is ${is} adapter, which ${asked} has no names for; export it as ${fits}`,
  );
}

function modelOf(found: FoundAdapter, asked: string | false | undefined): string | undefined {
  if (asked === false) return undefined;
  if (asked !== undefined) return musicModelFolder(asked);
  const own = found.run === undefined ? undefined : readRunConfig(found.run).model;
  return own !== undefined && existsSync(own) ? own : undefined;
}

async function writePeft(found: FoundAdapter, output: string): Promise<string[]> {
  const { config, weights } = found;
  if (config === undefined) {
    throw new AceError(
      "ERR_FILE",
      `${dirname(weights)}: lacks adapter_config.json, without which the scale is unknown`,
    );
  }
  refuseOccupied(output);
  await writeFolderAtomic(nodeFiles, output, (folder) => {
    for (const file of [weights, config]) writeFileAtomic(join(folder, basename(file)), readFileSync(file));
    return Promise.resolve();
  });
  return [join(output, basename(weights)), join(output, basename(config))];
}

function writeLycoris(found: FoundAdapter, output: string): string[] {
  if (output.endsWith(".safetensors")) {
    writeFileAtomic(output, readFileSync(found.weights));
    return [output];
  }
  refuseOccupied(output);
  mkdirSync(output, { recursive: true });
  const file = join(output, basename(found.weights));
  writeFileAtomic(file, readFileSync(found.weights));
  return [file];
}

function refuseOccupied(output: string): void {
  if (!existsSync(output)) return;
  const there = statSync(output).isDirectory() ? readdirSync(output)[0] : basename(output);
  if (there === undefined) return;
  throw new AceError(
    "ERR_FILE",
    `${output}: already holds ${JSON.stringify(there)}; choose a new folder, nothing is overwritten`,
  );
}

function compare(
  written: Readonly<Record<string, HostTensor>>,
  original: Readonly<Record<string, HostTensor>>,
  file: string,
): void {
  for (const [name, tensor] of Object.entries(original)) {
    const back = written[name];
    const same =
      back?.dtype === tensor.dtype &&
      back.shape.join() === tensor.shape.join() &&
      Buffer.compare(back.data, tensor.data) === 0;
    if (!same) throw new AceError("ERR_CHECKPOINT", `${file}: ${name} does not read back as it was written`);
  }
}

/** Into the base model and out again: what a program that loads the file would have. */
async function loadBack(
  model: string,
  file: string,
  original: Readonly<Record<string, HostTensor>>,
): Promise<LoadReport & { readonly model: string }> {
  const decoder = await Decoder.open(model);
  try {
    const { adapter, report } = await Adapter.load(decoder, file);
    try {
      compare(await adapter.tensors(), original, file);
    } finally {
      adapter.close();
    }
    if (report.missing.length + report.unexpected.length > 0) {
      throw new AceError(
        "ERR_CHECKPOINT",
        `${file}: does not fit ${model} (missing: ${report.missing.join(", ") || "none"}; unexpected: ${report.unexpected.join(", ") || "none"})`,
      );
    }
    return { ...report, model };
  } finally {
    decoder.close();
  }
}
