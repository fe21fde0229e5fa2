// PEFT's folder: the only place that knows its keys (`r`, `lora_alpha`, ...).
import { join } from "node:path";
import { z } from "zod";
import { saveFileAtomic } from "../atomic-file.js";
import { AceError } from "../errors.js";
import { saveSafetensors } from "../safetensors.js";
import type { AdapterConfig, HostTensor, LoraConfig } from "../types.js";

/** What an `adapter_config.json` says that bears on the change. */
export const peftConfig = z.object({
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
export async function writePeftFolder(
  folder: string,
  config: AdapterConfig,
  modules: readonly ModuleInfo[],
  tensors: Readonly<Record<string, HostTensor>>,
  metadata: Readonly<Record<string, string>>,
): Promise<string[]> {
  const lora = config as LoraConfig;
  const wild = config.targetModules.some((name) => /[*?]/.test(name));
  const file = join(folder, "adapter_model.safetensors");
  const json = join(folder, "adapter_config.json");
  await saveSafetensors(file, tensors, { format: "pt", ...metadata });
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
  await saveFileAtomic(json, `${JSON.stringify(fields, null, 2)}\n`);
  return [file, json];
}

/**
 * The settings of an `adapter_config.json`.
 *
 * @throws {AceError} ERR_FILE naming the key that is not valid.
 */
export function parsePeftConfig(where: string, json: unknown): LoraScale {
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
  return {
    rank: fields.r,
    alpha: fields.lora_alpha,
    alphaPattern: fields.alpha_pattern ?? {},
    dropout: fields.lora_dropout,
    rsLora: fields.use_rslora === true,
    useDora: fields.use_dora === true,
  };
}

/** What decides the strength of a LoRA's change, wherever it was written down. */
export interface LoraScale {
  readonly rank: number;
  readonly alpha: number;
  readonly alphaPattern: Readonly<Record<string, number>>;
  readonly dropout: number;
  readonly rsLora: boolean;
  readonly useDora: boolean;
}
