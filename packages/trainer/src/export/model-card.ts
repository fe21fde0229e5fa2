import { existsSync, readdirSync } from "node:fs";
import { basename } from "node:path";
import type { OpenedAdapter } from "../adapters/opened-adapter.js";
import { magnitudesOf } from "../adapters/opened-adapter.js";
import { runPaths } from "../run/run-paths.js";

/** What a reader should be told of an export. */
export interface CardFacts {
  readonly title: string;
  readonly format: string;
  /** At which strength it plays as it was trained. */
  readonly plays: string;
  /** Names of the files beside the card. */
  readonly files: readonly string[];
}

const howToLoad: Readonly<Record<string, (file: string) => string>> = {
  peft: () =>
    "ACE-Step 1.5: name this folder as the LoRA path. Acewright: `acewright generate --adapter FOLDER`.",
  lycoris: (file) =>
    `ACE-Step 1.5: name \`${file}\` as the LoKr path. ComfyUI: put it into \`models/loras\`.`,
  comfyui: (file) =>
    `ComfyUI: put \`${file}\` into \`models/loras\` and load it with a LoRA loader for models.`,
  diffusers: (file) => `diffusers: \`pipe.load_lora_weights("FOLDER", weight_name="${file}")\`.`,
  bare: (file) =>
    `Programs that name modules \`layers.…\` (Wan2GP and its like): name \`${file}\` as the LoRA.`,
  merged: () => "Any program that loads ACE-Step 1.5 checkpoints: name this folder as the model.",
};

/** A model card in Markdown with the front matter that model hubs read. Nothing in it is known but from the files. */
export function modelCard(adapter: OpenedAdapter, facts: CardFacts): string {
  const { metadata, config } = adapter.file;
  const decomposed = adapter.modules.some((module) => magnitudesOf(module) !== undefined);
  const first = facts.files.find((file) => file.endsWith(".safetensors")) ?? facts.files[0] ?? "";
  const rows: [string, string | undefined][] = [
    ["Kind", decomposed && config.kind !== "dora" ? `${config.kind}, weight-decomposed` : config.kind],
    ["Rank", String(config.rank)],
    ["Modules", String(adapter.modules.length)],
    ["Trained on", metadata.base_model],
    ["Variant", metadata.base_model_version],
    ["Fingerprint of the base model", metadata.base_model_fingerprint?.slice(0, 16)],
    ["Steps", metadata.step],
    ["Dataset", metadata.dataset_hash?.slice(0, 16)],
    ["Made by", metadata.made_by],
  ];
  const known = rows.filter((row): row is [string, string] => row[1] !== undefined && row[1] !== "");
  return [
    "---",
    "tags:",
    "  - ace-step",
    "  - music",
    `  - ${config.kind}`,
    "---",
    "",
    `# ${oneLine(facts.title)}`,
    "",
    ...(metadata.trigger
      ? [`Trigger: \`${oneLine(metadata.trigger).replaceAll("`", "'")}\` in the caption.`, ""]
      : []),
    "## Use",
    "",
    howToLoad[facts.format]?.(first) ?? "",
    "",
    `Scale: ${facts.plays}.`,
    "",
    "## Facts",
    "",
    "| | |",
    "|---|---|",
    ...known.map(([name, value]) => `| ${name} | ${oneLine(value).replaceAll("|", "\\|")} |`),
    "",
    ...settingsOf(metadata.run_metadata),
    ...samplesOf(adapter.found.run),
  ].join("\n");
}

/** What a stranger's file says stays within its line. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}<>]/gu, " ").trim();
}

function settingsOf(runMetadata: string | undefined): string[] {
  if (runMetadata === undefined) return [];
  let settings: unknown;
  try {
    settings = (JSON.parse(runMetadata) as { training_config?: unknown } | null)?.training_config;
  } catch {
    // Another program's text: a card without settings is still a card.
    return [];
  }
  if (settings === undefined) return [];
  return [
    "## Settings",
    "",
    "```json",
    JSON.stringify(settings, null, 2).replaceAll("```", "'''"),
    "```",
    "",
  ];
}

function samplesOf(run: string | undefined): string[] {
  if (run === undefined) return [];
  const folder = runPaths(run).samples;
  const songs = existsSync(folder) ? readdirSync(folder).filter((name) => /\.(wav|flac)$/.test(name)) : [];
  if (songs.length === 0) return [];
  return [
    "## Samples",
    "",
    `From the run \`${basename(run)}\`:`,
    "",
    ...songs.sort().map((name) => `- \`${name}\``),
    "",
  ];
}
