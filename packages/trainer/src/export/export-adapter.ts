import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import {
  AceError,
  readSafetensors,
  readSafetensorsHeader,
  writeFileAtomic,
  type LoadReport,
} from "@acewright/core-native";
import { openBaseWeights } from "../adapters/base-weights.js";
import { derivedMetadata, loraOf, overallError } from "../adapters/low-rank.js";
import { magnitudesOf, openAdapter, type OpenedAdapter } from "../adapters/opened-adapter.js";
import { asLowRank } from "../adapters/resize-adapter.js";
import { musicModelFolder } from "../native.js";
import { readRunConfig } from "../run/run-folder.js";
import { familyOf, foreignNames, parameterCount, type AdapterFormat } from "./adapter-names.js";
import { findAdapter, type FoundAdapter, type RunAdapter } from "./find-adapter.js";
import { compareBytes, compareChanges, loadBack } from "./load-back.js";
import { playsAt } from "./lora-names.js";
import { writeMergedCheckpoint } from "./merged-checkpoint.js";
import { modelCard } from "./model-card.js";
import type { ModuleSurvival } from "./rounding.js";
import { writeExport } from "./write-export.js";

/** What to export, and where to. */
export interface ExportOptions {
  readonly format: AdapterFormat;
  /** A folder that does not exist or is empty; but for PEFT and merged models also a `.safetensors` file. */
  readonly output: string;
  /** Which adapter of a run; default: the trained one. */
  readonly which?: RunAdapter;
  /** Base model: the result is loaded into it, and some exports are computed from it; default: the run's own. */
  readonly model?: string;
  /** False: do not load the result into the base model. */
  readonly check?: boolean;
  /** Write the best plain LoRA of this rank in place of the adapter: for programs that do not know its kind. */
  readonly asLora?: number;
  /** comfyui: `native` (its key map of ACE-Step, the default), `generic`, or another prefix. */
  readonly prefix?: string;
  /** merged: multiplies the change. */
  readonly strength?: number;
  /** merged: a shard is closed before it would be larger. */
  readonly maxShardBytes?: number;
  /** Modules or tensors done. */
  readonly onProgress?: (done: number, of: number) => void;
}

/** What was written, and what loading it again found. */
export interface ExportReport {
  readonly source: string;
  readonly format: AdapterFormat;
  readonly files: readonly string[];
  readonly modules: number;
  readonly parameters: number;
  /** At which strength a client plays it as it was trained, and why. */
  readonly plays: string;
  /** The strings inside the file: trigger, base model, settings. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Of `asLora`: ||change - written|| / ||change|| over all modules. */
  readonly relativeError?: number;
  /** Of a merged model: what rounding to its dtype left of each module's change. */
  readonly survival?: readonly ModuleSurvival[];
  /** Each tensor was found in the base model and came out as it went in; undefined where no model was loaded. */
  readonly loaded: (LoadReport & { readonly model: string }) | undefined;
}

/**
 * Writes a trained adapter in a layout that other programs load, reads it back and compares it; folders get a model card.
 *
 * @param source a run, or an adapter's folder or file in any layout.
 * @throws {AceError} ERR_CONFIG where adapter and format do not fit, or a base model is needed; ERR_FILE; ERR_CHECKPOINT where
 *   the result does not load.
 */
export async function exportAdapter(source: string, options: ExportOptions): Promise<ExportReport> {
  const found = findAdapter(source, options.which);
  if (options.prefix !== undefined && options.format !== "comfyui")
    throw new AceError("ERR_CONFIG", `prefix: belongs to comfyui, but format is ${options.format}`);
  const family = refuseNoAdapter(found, options.format);
  const model = modelOf(found, options.model);
  const original = openAdapter(source, options.which);
  if (options.format === "merged") return exportMerged(original, model, options);
  const { adapter, relativeError } = await thinned(original, model, options);
  const isLora = options.asLora !== undefined || family === "lora";
  refuseKind(adapter, isLora ? "lora" : "lycoris", options.format);
  const written = await writeExport(adapter, options, model);
  const file = written.weights;
  if (written.copied)
    compareBytes(readSafetensors(file).tensors, readSafetensors(found.weights).tensors, file);
  else compareChanges(openAdapter(file), adapter.modules, file);
  const loaded =
    model === undefined || options.check === false
      ? undefined
      : await loadBack(model, file, {
          ...(written.copied && { tensors: adapter.file.tensors }),
          ...(!written.copied && { magnitudes: magnitudesByModule(adapter) }),
        });
  const report = {
    source: found.weights,
    format: options.format,
    files: written.files,
    modules: adapter.modules.length,
    parameters: parameterCount(adapter.file.tensors),
    plays: playsOf(adapter, options.format),
    metadata: readSafetensorsHeader(file).metadata,
    ...(relativeError !== undefined && { relativeError }),
    loaded,
  };
  return options.output.endsWith(".safetensors") ? report : withCard(adapter, report, options.output);
}

async function exportMerged(
  adapter: OpenedAdapter,
  model: string | undefined,
  { output, strength, maxShardBytes, onProgress }: ExportOptions,
): Promise<ExportReport> {
  if (model === undefined)
    throw new AceError("ERR_CONFIG", "model: merging needs the model to merge into; name it with --model");
  const { files, survival } = await writeMergedCheckpoint(adapter, {
    model,
    output,
    ...(strength !== undefined && { strength }),
    ...(maxShardBytes !== undefined && { maxShardBytes }),
    ...(onProgress && { onTensor: onProgress }),
  });
  // Headers, index and shapes are read as any loader would.
  openBaseWeights(output);
  const report: ExportReport = {
    source: adapter.found.weights,
    format: "merged",
    files,
    modules: adapter.modules.length,
    parameters: parameterCount(adapter.file.tensors),
    plays: `the adapter is in the weights at strength ${strength ?? 1}: load no adapter beside it`,
    metadata: adapter.file.metadata,
    survival,
    loaded: undefined,
  };
  return withCard(adapter, report, output);
}

function withCard(adapter: OpenedAdapter, report: ExportReport, output: string): ExportReport {
  const card = join(output, "README.md");
  // A merged model's folder may bring a card of its own.
  if (existsSync(card)) return report;
  const names = report.files.map((file) => basename(file));
  const title = basename(adapter.found.run ?? output);
  writeFileAtomic(
    card,
    modelCard(adapter, { title, format: report.format, plays: report.plays, files: names }),
  );
  return { ...report, files: [...report.files, card] };
}

function refuseNoAdapter(found: FoundAdapter, format: AdapterFormat): "lora" | "lycoris" {
  const names = Object.keys(readSafetensorsHeader(found.weights).tensors);
  const family = familyOf(names);
  if (family === undefined) {
    throw new AceError(
      "ERR_CHECKPOINT",
      `${found.weights}: holds no adapter, its first tensor is ${names[0] ?? "missing"}`,
    );
  }
  const foreign = family === "lycoris" && format === "lycoris" ? foreignNames(names) : [];
  if (foreign.length > 0) {
    throw new AceError(
      "ERR_CHECKPOINT",
      `${found.weights}: ${foreign.length} of ${names.length} tensors have names that ${format} loaders pass over, the first is ${foreign[0] ?? ""}`,
    );
  }
  return family;
}

/** The adapter itself, or the plain LoRA nearest to it. */
async function thinned(
  adapter: OpenedAdapter,
  model: string | undefined,
  { asLora, onProgress }: ExportOptions,
): Promise<{ adapter: OpenedAdapter; relativeError?: number }> {
  if (asLora === undefined) return { adapter };
  const base = model === undefined ? undefined : openBaseWeights(model);
  const { modules, reports } = await asLowRank(adapter, { rank: asLora }, base, {
    keepMagnitudes: false,
    ...(onProgress && { onModule: onProgress }),
  });
  const { tensors, config, modules: infos } = loraOf(modules);
  const metadata = derivedMetadata(
    [adapter.file.metadata],
    `${adapter.file.config.kind} as a LoRA of rank ${asLora}`,
  );
  const rankPattern = Object.fromEntries(infos.map(({ name, rank }) => [name, rank]));
  const file = {
    ...adapter.file,
    metadata,
    tensors,
    config: { ...config, rankPattern, alphaPattern: rankPattern },
  };
  const opened = modules.map(({ name, a }) => ({
    name,
    rank: a.rows,
    alpha: a.rows,
    scale: 1,
    parts: new Map(
      ["lora_A.weight", "lora_B.weight"].flatMap((part) => {
        const tensor = tensors[`base_model.model.${name}.${part}`];
        return tensor === undefined ? [] : [[part, tensor] as const];
      }),
    ),
  }));
  // It has no files of its own: nothing can be copied.
  const found = { ...adapter.found, config: undefined };
  return { adapter: { ...adapter, found, file, modules: opened }, relativeError: overallError(reports) };
}

function refuseKind(adapter: OpenedAdapter, family: "lora" | "lycoris", format: AdapterFormat): void {
  const { weights } = adapter.found;
  if (family === "lora") {
    if (format !== "lycoris") return;
    throw new AceError(
      "ERR_CONFIG",
      `${weights}: is a LoRA or DoRA adapter, which lycoris has no names for; export it as peft`,
    );
  }
  if (format === "comfyui" && adapter.modules.some((module) => magnitudesOf(module) !== undefined)) {
    throw new AceError(
      "ERR_CONFIG",
      `${weights}: is a weight-decomposed ${adapter.file.config.kind}, whose rows ComfyUI divides by other norms than training does; merge it into a plain LoRA with --as-lora RANK`,
    );
  }
  if (format === "comfyui" || format === "lycoris") return;
  throw new AceError(
    "ERR_CONFIG",
    `${weights}: is a LoKr or LoHa adapter, which ${format} has no names for; export it as lycoris, or as the nearest LoRA with --as-lora RANK`,
  );
}

function playsOf(adapter: OpenedAdapter, format: AdapterFormat): string {
  if (format === "comfyui" || format === "diffusers" || format === "bare") return playsAt[format];
  const { least, most } = adapter.file.scale;
  const scale = least === most ? least.toPrecision(3) : `${least.toPrecision(3)} to ${most.toPrecision(3)}`;
  if (format === "lycoris") return "1.0 plays it as it was trained: alpha is in the file beside each module";
  return `1.0 plays it as it was trained where adapter_config.json is read (alpha / rank = ${scale}); programs that read the weights alone play it at 1: give them the comfyui, diffusers or bare export`;
}

function modelOf(found: FoundAdapter, asked: string | undefined): string | undefined {
  if (asked !== undefined) return musicModelFolder(asked);
  const own = found.run === undefined ? undefined : readRunConfig(found.run).model;
  return own !== undefined && existsSync(own) ? own : undefined;
}

function magnitudesByModule(adapter: OpenedAdapter): Map<string, Float32Array> {
  return new Map(
    adapter.modules.flatMap((module) => {
      const magnitudes = magnitudesOf(module);
      return magnitudes === undefined ? [] : [[module.name, magnitudes] as const];
    }),
  );
}
