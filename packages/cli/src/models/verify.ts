import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AceError, openCheckpoint } from "@acewright/core-native";
import { discoverModels, findSilenceLatent } from "@acewright/dataset";
import { musicTensors, textTensors, vaeTensors } from "./expected-tensors.js";
import type { ExpectedTensors } from "./expected-tensors.js";
import { readMusicConfig, readTextConfig, readVaeConfig } from "./model-config.js";

/** What was found of one part of a checkpoint folder. */
export interface PartReport {
  readonly part: "music model" | "vae" | "text encoder";
  readonly folder: string;
  /** Something worth saying about a good part: its size, its variant. */
  readonly detail: string;
  /** One line each; empty: the part is whole. */
  readonly problems: readonly string[];
}

/** Names listed before "and n more". */
const maxListed = 3;

/**
 * Checks a folder of checkpoints (or one music model's folder, with vae and text encoder beside it): every part is
 * there, every file's header is sound, every weight has the shape config.json asks for. No weight is read.
 *
 * @throws {AceError} ERR_FILE when the folder does not exist, ERR_CHECKPOINT for a training run
 */
export function verifyModels(folder: string): PartReport[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new AceError("ERR_FILE", `${folder}: is not a folder; a folder of checkpoints was expected`);
  }
  const isOneModel = existsSync(join(folder, "config.json"));
  if (isOneModel && existsSync(join(folder, "events.jsonl"))) {
    const look = `acewright runs show ${folder}`;
    throw new AceError(
      "ERR_CHECKPOINT",
      `${folder}: is a training run, not a checkpoint; \`${look}\` looks at it`,
    );
  }
  const top = isOneModel ? dirname(join(folder, ".")) : folder;
  const models = isOneModel ? [folder] : musicFolders(resolve(folder));
  return [
    ...(models.length === 0 ? [missingMusicModel(folder)] : models.map(verifyMusicModel)),
    verifyVae(join(top, "vae")),
    verifyTextEncoder(join(top, "Qwen3-Embedding-0.6B")),
  ];
}

/** By an official name, however damaged; and whatever else its config.json says to be one: someone's fine-tune. */
function musicFolders(folder: string): string[] {
  const official = readdirSync(folder)
    .filter((name) => name.startsWith("acestep-v") && existsSync(join(folder, name, "config.json")))
    .map((name) => join(folder, name));
  return [...new Set([...official, ...discoverModels(folder).map((model) => model.folder)])].sort();
}

function missingMusicModel(folder: string): PartReport {
  const problem = `no folder acestep-v15-* with a config.json in ${folder}`;
  return { part: "music model", folder, detail: "", problems: [problem] };
}

function verifyMusicModel(folder: string): PartReport {
  return examine("music model", folder, () => {
    const config = readMusicConfig(join(folder, "config.json"));
    const { problems, parameters } = compareWeights(folder, "model", musicTensors(config));
    const silence = findSilenceLatent(folder);
    if (silence === undefined) {
      problems.push("silence_latent.pt is missing; songs cannot be conditioned without it");
    }
    const size = `${(parameters / 1e6).toFixed(1)} M parameters`;
    return {
      detail: `${basename(folder)}, ${config.model_version}${config.isXl ? " (XL)" : ""}, ${size}${silence?.warning === undefined ? "" : `, silence latent of ${silence.file}`}`,
      problems,
    };
  });
}

function verifyVae(folder: string): PartReport {
  return examine("vae", folder, () => {
    const config = readVaeConfig(join(folder, "config.json"));
    const { problems, parameters } = compareWeights(folder, "diffusion_pytorch_model", vaeTensors(config));
    return { detail: `${(parameters / 1e6).toFixed(1)} M parameters`, problems };
  });
}

function verifyTextEncoder(folder: string): PartReport {
  return examine("text encoder", folder, () => {
    const config = readTextConfig(join(folder, "config.json"));
    const { problems, parameters } = compareWeights(folder, "model", textTensors(config), /^model\./);
    if (!existsSync(join(folder, "tokenizer.json"))) problems.push("tokenizer.json is missing");
    return { detail: `${(parameters / 1e6).toFixed(1)} M parameters`, problems };
  });
}

type Finding = Pick<PartReport, "detail" | "problems">;

function examine(part: PartReport["part"], folder: string, look: () => Finding): PartReport {
  if (!existsSync(folder)) return { part, folder, detail: "", problems: [`${folder} is missing`] };
  try {
    return { part, folder, ...look() };
  } catch (error) {
    // A damaged part is a finding; the other parts are still looked at.
    if (error instanceof AceError && error.isUserError)
      return { part, folder, detail: "", problems: [error.message] };
    throw error;
  }
}

function compareWeights(
  folder: string,
  stem: string,
  expected: ExpectedTensors,
  prefix = /^$/,
): { problems: string[]; parameters: number } {
  const found = new Map(
    [...openCheckpoint(folder, stem).tensors].map(([name, entry]) => [name.replace(prefix, ""), entry]),
  );
  const missing = [...expected.keys()].filter((name) => !found.has(name));
  const unexpected = [...found.keys()].filter((name) => !expected.has(name));
  const misshapen = [...expected].flatMap(([name, shape]) => {
    const came = found.get(name)?.shape;
    if (came === undefined || came.join() === shape.join()) return [];
    return [`${name} is [${came.join(", ")}], config.json asks for [${shape.join(", ")}]`];
  });
  const problems = [
    ...listed("missing weights", missing),
    ...listed("weights of another shape", misshapen),
    ...listed("weights that do not belong to this model", unexpected),
  ];
  const parameters = [...found.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
    0,
  );
  return { problems, parameters };
}

function listed(what: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length > maxListed ? ` and ${items.length - maxListed} more` : "";
  return [`${items.length} ${what}: ${items.slice(0, maxListed).join("; ")}${more}`];
}
