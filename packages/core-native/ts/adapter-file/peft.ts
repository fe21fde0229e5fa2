// PEFT's folder: the only place that knows its keys (`r`, `lora_alpha`, ...).
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../atomic-file.js";
import { AceError } from "../errors.js";
import { writeSafetensors } from "../safetensors.js";
import type { AdapterConfig, HostTensor, LoraConfig } from "../types.js";

const peftConfig = z.object({
  peft_type: z.string(),
  r: z.int().min(1),
  lora_alpha: z.number(),
  lora_dropout: z.number().default(0),
  use_dora: z.boolean().nullish(),
  use_rslora: z.boolean().nullish(),
  target_modules: z.union([z.array(z.string()), z.string()]).nullish(),
  rank_pattern: z.record(z.string(), z.int().min(1)).nullish(),
  alpha_pattern: z.record(z.string(), z.number()).nullish(),
});

interface ModuleInfo {
  readonly name: string;
  readonly rank: number;
  readonly alpha: number;
}

/** Names whose own value differs from the general one: PEFT's patterns, spelled out so that no dialect matters. */
function differing(modules: readonly ModuleInfo[], key: "rank" | "alpha", general: number) {
  return Object.fromEntries(modules.filter((m) => m[key] !== general).map((m) => [m.name, m[key]]));
}

/** Writes `adapter_model.safetensors` and `adapter_config.json`. */
export function writePeftFolder(
  folder: string,
  config: AdapterConfig,
  modules: readonly ModuleInfo[],
  tensors: Readonly<Record<string, HostTensor>>,
  metadata: Readonly<Record<string, string>>,
): string[] {
  const lora = config as LoraConfig;
  const wild = config.targetModules.some((name) => /[*?]/.test(name));
  const file = join(folder, "adapter_model.safetensors");
  const json = join(folder, "adapter_config.json");
  writeSafetensors(file, tensors, { format: "pt", ...metadata });
  const fields = {
    peft_type: "LORA",
    task_type: "FEATURE_EXTRACTION",
    base_model_name_or_path: "",
    inference_mode: true,
    r: config.rank,
    lora_alpha: config.alpha,
    lora_dropout: lora.dropout ?? 0,
    bias: "none",
    fan_in_fan_out: false,
    target_modules: wild ? modules.map((m) => m.name) : [...config.targetModules],
    rank_pattern: differing(modules, "rank", config.rank),
    alpha_pattern: differing(modules, "alpha", config.alpha),
    use_dora: config.kind === "dora",
    use_rslora: lora.rsLora ?? false,
  };
  writeFileAtomic(json, `${JSON.stringify(fields, null, 2)}\n`);
  return [file, json];
}

const canonicalPrefix = "base_model.model.";

/** PEFT inserts `.default` in memory and other tools drop or lengthen the prefix: what counts begins at `layers.`. */
function canonicalName(name: string): string {
  const from = name.indexOf("layers.");
  return from < 0 ? name : canonicalPrefix + name.slice(from).replace(/\.default(?=\.|$)/, "");
}

/** The adapter a parsed `adapter_config.json` and its tensors describe. `modules`: names the decoder has. */
export function readPeft(
  where: string,
  json: unknown,
  tensors: Readonly<Record<string, HostTensor>>,
  modules: readonly string[],
): { config: AdapterConfig; tensors: Record<string, HostTensor>; unexpected: string[] } {
  const parsed = peftConfig.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new AceError(
      "ERR_FILE",
      `${where}: "${issue?.path.join(".") ?? ""}": ${issue?.message ?? "not valid"}`,
    );
  }
  const fields = parsed.data;
  if (fields.peft_type !== "LORA")
    throw new AceError("ERR_FILE", `${where}: peft_type is ${fields.peft_type}; expected LORA`);
  const known = new Set(modules);
  const found = new Map<string, number>();
  const placed: Record<string, HostTensor> = {};
  const unexpected: string[] = [];
  for (const [name, tensor] of Object.entries(tensors)) {
    const canonical = canonicalName(name);
    const match =
      /^base_model\.model\.(.+)\.(lora_A\.weight|lora_B\.weight|lora_magnitude_vector)(?:\.weight)?$/.exec(
        canonical,
      );
    const module = match?.[1];
    const suffix = match?.[2];
    if (module === undefined || suffix === undefined || !known.has(module)) {
      unexpected.push(name);
      continue;
    }
    if (suffix === "lora_A.weight") found.set(module, tensor.shape[0] ?? 0);
    else if (!found.has(module)) found.set(module, fields.r);
    placed[`${canonicalPrefix}${module}.${suffix}`] = tensor;
  }
  if (found.size === 0) {
    throw new AceError(
      "ERR_CHECKPOINT",
      `${where}: none of its ${unexpected.length} tensors names a module of this model; the first is ${unexpected[0] ?? "absent"}`,
    );
  }
  const alphaOf = (module: string): number => {
    const entry = Object.entries(fields.alpha_pattern ?? {}).find(
      ([key]) => module === key || module.endsWith(`.${key}`),
    );
    return entry?.[1] ?? fields.lora_alpha;
  };
  const rankPattern = Object.fromEntries([...found].filter(([, rank]) => rank !== fields.r));
  const alphaPattern = Object.fromEntries(
    [...found.keys()].map((m) => [m, alphaOf(m)] as const).filter(([, a]) => a !== fields.lora_alpha),
  );
  const config: LoraConfig = {
    kind: fields.use_dora === true ? "dora" : "lora",
    rank: fields.r,
    alpha: fields.lora_alpha,
    dropout: fields.lora_dropout,
    rsLora: fields.use_rslora === true,
    targetModules: [...found.keys()],
    rankPattern,
    alphaPattern,
  };
  return { config, tensors: placed, unexpected };
}
