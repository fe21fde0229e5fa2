import { AceError } from "@acewright/core-native";
import type { TrainConfigInput } from "./train-config.js";
import { configFields } from "./config-fields.js";
import { nearestName } from "./nearest-name.js";

/** Settings to begin from; whatever is given beside a preset wins over it. Folders are never part of one. */
export interface Preset {
  readonly name: string;
  readonly description: string;
  readonly config: Partial<Omit<TrainConfigInput, "tensors" | "model" | "output" | "environment">>;
}

const lora = (rank: number, targetMlp = true) =>
  ({ kind: "lora", rank, alpha: 2 * rank, dropout: 0.1, targetMlp }) as const;

/** The built-in presets, by name. */
export const presets: Readonly<Record<string, Preset>> = Object.fromEntries(
  (
    [
      {
        name: "recommended",
        description: "A full training for 12 GB and more: rank 64 on attention and MLP",
        config: { adapter: lora(64), learningRate: 3e-4, epochs: 1000, saveEveryEpochs: 50 },
      },
      {
        name: "quick_test",
        description: "Ten epochs at rank 16, to see that everything works",
        config: { adapter: lora(16), learningRate: 3e-4, epochs: 10, warmupSteps: 10, saveEveryEpochs: 5 },
      },
      {
        name: "high_quality",
        description: "Rank 128 at a gentler learning rate",
        config: { adapter: lora(128), learningRate: 2e-4, epochs: 1000, saveEveryEpochs: 50 },
      },
      {
        name: "vram_8gb",
        description: "Rank 16 on attention only, for 8 GB",
        config: {
          adapter: lora(16, false),
          learningRate: 3e-4,
          epochs: 1000,
          gradientAccumulation: 8,
          saveEveryEpochs: 50,
        },
      },
      {
        name: "vram_12gb",
        description: "Rank 32 on attention and MLP, for 12 GB",
        config: {
          adapter: lora(32),
          learningRate: 3e-4,
          epochs: 1000,
          saveEveryEpochs: 50,
        },
      },
      {
        name: "vram_16gb",
        description: "Rank 64, two songs at a time, for 16 GB",
        config: {
          adapter: lora(64),
          learningRate: 3e-4,
          epochs: 1000,
          batchSize: 2,
          gradientAccumulation: 2,
          saveEveryEpochs: 50,
        },
      },
      {
        name: "vram_24gb_plus",
        description: "Rank 128, two songs at a time, for 24 GB and more",
        config: {
          adapter: lora(128),
          learningRate: 3e-4,
          epochs: 1000,
          batchSize: 2,
          gradientAccumulation: 2,
          saveEveryEpochs: 50,
        },
      },
    ] satisfies Preset[]
  ).map((preset) => [preset.name, preset]),
);

/**
 * A preset's settings under the given ones. Nested settings are merged field by field; where another kind of adapter is
 * asked for, only the preset's fields that this kind has too (rank, alpha, targets) are taken over, and another optimizer
 * begins with its own settings.
 *
 * @param wanted a preset, or the name of a built-in one.
 * @throws {AceError} ERR_CONFIG for a name that is no preset.
 */
export function withPreset(
  wanted: string | Preset,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const preset = typeof wanted === "string" ? builtIn(wanted) : wanted;
  return merge(forOptimizer(preset.config, given["optimizer"]), given);
}

function builtIn(name: string): Preset {
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (preset !== undefined) return preset;
  const nearest = nearestName(name, Object.keys(presets));
  const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
  throw new AceError(
    "ERR_CONFIG",
    `preset ${JSON.stringify(name)} does not exist${hint}; there are ${Object.keys(presets).join(", ")}`,
  );
}

/** A preset's learning rate is that of its optimizer: another one begins with its own, and with its own settings. */
function forOptimizer(config: Preset["config"], given: unknown): Preset["config"] {
  const { optimizer = {} } = config;
  const own = "kind" in optimizer ? optimizer.kind : "adamw";
  const kind = isPlainObject(given) ? (given["kind"] ?? own) : own;
  const isAdam = (name: unknown) => name === "adamw" || name === "adamw8bit";
  if (kind === own || (isAdam(kind) && isAdam(own))) return config;
  const others = Object.entries(config).filter(([field]) => !["learningRate", "optimizer"].includes(field));
  return Object.fromEntries(others);
}

function merge(base: object, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(given)) {
    const below = merged[key];
    if (!isPlainObject(value) || !isPlainObject(below)) merged[key] = value;
    else merged[key] = merge(key === "adapter" ? forKind(below, value["kind"]) : below, value);
  }
  return merged;
}

/** The fields of an adapter that another kind has too; all where the kind is the same, or is not said. */
function forKind(adapter: Record<string, unknown>, kind: unknown): Record<string, unknown> {
  // What is no kind at all is for the configuration's parser to refuse.
  if (typeof kind !== "string" || kind === adapter["kind"]) return adapter;
  const known = configFields().filter(({ members }) => members.some(({ tag }) => tag === kind));
  const fields = new Set(known.map(({ path }) => path.join(".")));
  return Object.fromEntries(Object.entries(adapter).filter(([key]) => fields.has(`adapter.${key}`)));
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
