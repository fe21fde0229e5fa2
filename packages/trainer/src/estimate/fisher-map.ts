import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AceError, notJson, writeFileAtomic, type ModelConfig } from "@acewright/core-native";
import * as z from "zod";
import { mlpProjections, attentionProjections, type AdapterSettings } from "../config/adapter-settings.js";
import { parseWith } from "../config/parse-with.js";
import type { TrainConfig } from "../config/train-config.js";
import type { SampleSource } from "../sample-source.js";

const name = z.string().min(1).max(256);
const rank = z.int().min(1).max(4096);

/** What training needs of the file; Side-Step's own version 2 has it too. Unknown keys are others' business. */
const FisherMap = z.object({
  version: z.literal(2),
  rank_pattern: z.record(name, rank),
  alpha_pattern: z.record(name, z.number().gt(0).max(65536)).optional(),
  modules: z
    .array(z.object({ name, effective_rank: z.number().optional() }))
    .max(100_000)
    .optional(),
  acewright: z.object({ model: z.string(), dataset: z.string() }).optional(),
});
export type FisherMap = z.infer<typeof FisherMap>;

const fileName = "fisher_map.json";
const maxBytes = 16_000_000;
const mend =
  "make it again with `acewright estimate`, or train without it (ignoreFisherMap, --ignore-fisher-map)";

export function fisherMapPath(tensors: string): string {
  return join(tensors, fileName);
}

/** @throws {AceError} ERR_FILE where it is there and cannot be read */
export function readFisherMap(tensors: string): FisherMap | undefined {
  const path = fisherMapPath(tensors);
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  if (bytes.length > maxBytes) throw new AceError("ERR_FILE", `${path}: larger than ${maxBytes} bytes`);
  try {
    const map = parseWith(FisherMap, JSON.parse(bytes.toString("utf8")), path);
    const bare = <T>(pattern: Readonly<Record<string, T>>) =>
      Object.fromEntries(Object.entries(pattern).map(([module, value]) => [bareName(module), value]));
    return {
      ...map,
      rank_pattern: bare(map.rank_pattern),
      ...(map.alpha_pattern && { alpha_pattern: bare(map.alpha_pattern) }),
    };
  } catch (cause) {
    if (cause instanceof SyntaxError)
      throw new AceError("ERR_FILE", `${path}: ${notJson(cause)}; ${mend}`, { cause });
    if (cause instanceof AceError) throw new AceError("ERR_FILE", `${cause.message}; ${mend}`, { cause });
    throw cause;
  }
}

export function writeFisherMap(tensors: string, map: FisherMap & Readonly<Record<string, unknown>>): string {
  const path = fisherMapPath(tensors);
  writeFileAtomic(path, `${JSON.stringify(map, null, 2)}\n`);
  return path;
}

/** Others write the decoder's prefix and the parameter's suffix along. */
function bareName(module: string): string {
  return module.replace(/^(base_model\.model\.)?(model\.)?(decoder\.)?/, "").replace(/\.weight$/, "");
}

/**
 * The configuration with the map's modules and ranks in place of its own, under full names, so that what the map leaves out
 * is left out; untouched where there is no map, it is not wanted, or the user chose modules by hand. A run's own
 * config.json (it holds an environment) has its modules written out: a map made since then does not change them.
 */
export function withFisherMap(
  config: TrainConfig,
  samples: SampleSource,
  model: ModelConfig,
): { readonly config: TrainConfig; readonly lines: readonly string[] } {
  const { adapter } = config;
  const isLora = adapter.kind === "lora" || adapter.kind === "dora";
  const isRun = config.environment !== undefined;
  if (isRun || config.ignoreFisherMap || !isLora || adapter.rankPattern !== undefined)
    return { config, lines: [] };
  const map = readFisherMap(config.tensors);
  if (map === undefined) return { config, lines: [] };
  const path = fisherMapPath(config.tensors);
  if (!targetsAreDefault(adapter))
    return { config, lines: [`${path} is left aside: the modules to adapt were chosen by hand`] };
  const targetModules = Object.keys(map.rank_pattern);
  const foreign = targetModules.find((module) => !isModuleOf(module, model));
  if (targetModules.length === 0 || foreign !== undefined) {
    const what = foreign === undefined ? "it ranks no module" : `this model has no module ${foreign}`;
    throw new AceError("ERR_FILE", `${path}: ${what}; ${mend}`);
  }
  const ranks = Object.values(map.rank_pattern);
  const [least, most] = [Math.min(...ranks), Math.max(...ranks)];
  const alphaPattern =
    map.alpha_pattern ??
    Object.fromEntries(Object.entries(map.rank_pattern).map(([key, value]) => [key, 2 * value]));
  return {
    config: {
      ...config,
      adapter: { ...adapter, targetModules, targetMlp: false, rankPattern: map.rank_pattern, alphaPattern },
    },
    lines: [
      `${path}: ${targetModules.length} modules with ${least === most ? `rank ${least}` : `ranks ${least} to ${most}`}; --ignore-fisher-map trains without it`,
      ...differences(map, samples, model).map(
        (what) => `${path} was made ${what}; make it again with \`acewright estimate\``,
      ),
    ],
  };
}

function differences(map: FisherMap, samples: SampleSource, model: ModelConfig): string[] {
  if (map.acewright === undefined) return [];
  return [
    ...(map.acewright.model === model.fingerprint ? [] : ["for another checkpoint"]),
    ...(map.acewright.dataset === (samples.regularization?.datasetHash ?? samples.hash)
      ? []
      : ["from other songs"]),
  ];
}

function targetsAreDefault({ targetModules, attentionType, layers }: AdapterSettings): boolean {
  const isDefault = [...targetModules].sort().join() === [...attentionProjections].sort().join();
  return isDefault && attentionType === "both" && layers === undefined;
}

function isModuleOf(module: string, { layers }: ModelConfig): boolean {
  const [, layer = "", parent = "", projection = ""] = /^layers\.(\d+)\.(\w+)\.(\w+)$/.exec(module) ?? [];
  const known: readonly string[] = parent === "mlp" ? mlpProjections : attentionProjections;
  return (
    layer !== "" &&
    Number(layer) < layers &&
    ["self_attn", "cross_attn", "mlp"].includes(parent) &&
    known.includes(projection)
  );
}
