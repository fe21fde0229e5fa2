import { AceError } from "@acewright/core-native";
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { discoverModels } from "../models/discover-models.js";
import { searchNames } from "../models/search-models.js";

/** Where the parts of a checkpoint lie. */
export interface ModelFolders {
  /** Music model: config.json, weights, silence latent. */
  readonly model: string;
  readonly vae: string;
  readonly textEncoder: string;
}

const textEncoderName = "Qwen3-Embedding-0.6B";

/**
 * Finds the three folders of the official layout from a music model's folder (its neighbours are the others), or from
 * the folder that holds all three when it holds one music model only, official or someone's fine-tune.
 *
 * @param path as the user gave it; @param overrides folders that lie elsewhere.
 * @throws {AceError} ERR_FILE naming the folder that is missing; ERR_CHECKPOINT for a training run; ERR_CONFIG when several
 *   models could be meant.
 */
export function resolveModelFolders(
  path: string,
  overrides: { readonly vae?: string | undefined; readonly textEncoder?: string | undefined } = {},
): ModelFolders {
  const model = musicModel(resolve(path));
  return {
    model,
    vae: overrides.vae ?? besides(model, "vae", "--vae"),
    textEncoder: overrides.textEncoder ?? besides(model, textEncoderName, "--text-encoder"),
  };
}

function musicModel(path: string): string {
  if (!existsSync(path))
    throw new AceError(
      "ERR_FILE",
      `${path}: does not exist${whatIsMeant(path)}; expected a checkpoint folder, which \`acewright models download\` brings, and \`acewright models toy\` a small one to try with`,
    );
  refuseRun(path);
  if (existsSync(join(path, "config.json"))) return path;
  const official = readdirSync(path)
    .filter((name) => name.startsWith("acestep-v15") && existsSync(join(path, name, "config.json")))
    .sort();
  // Someone's fine-tune may be called anything; beside an official model it must be named.
  const inside = official.length > 0 ? official : discoverModels(path).map(({ name }) => name);
  const [only] = inside;
  if (only === undefined) {
    throw new AceError(
      "ERR_FILE",
      `${path}: holds no config.json and no folder of an ACE-Step model; expected a checkpoint folder`,
    );
  }
  if (inside.length > 1) {
    throw new AceError(
      "ERR_CONFIG",
      `${path}: holds ${inside.length} models (${inside.join(", ")}); name one of them`,
    );
  }
  return join(path, only);
}

/** A run has a config.json of its own kind, and a model's parts would be looked for beside it. */
function refuseRun(path: string): void {
  if (!existsSync(join(path, "config.json")) || !existsSync(join(path, "events.jsonl"))) return;
  throw new AceError(
    "ERR_CHECKPOINT",
    `${path}: is a training run, not a model; name the model that it was trained on, and the run as the adapter (--adapter)`,
  );
}

/** The models beside a path that is not there, whose names are like it: `checkpoints/turbo`. */
function whatIsMeant(path: string): string {
  const names = discoverModels(dirname(path)).map(({ folder }) => basename(folder));
  const meant = searchNames(basename(path), names);
  return meant.length === 0 ? "" : `, did you mean ${meant.slice(0, 3).join(" or ")}?`;
}

function besides(model: string, name: string, flag: string): string {
  const candidates = [join(model, name), resolve(model, "..", name)];
  const found = candidates.find((folder) => existsSync(join(folder, "config.json")));
  if (found === undefined) {
    throw new AceError("ERR_FILE", `${candidates.join(" and ")}: neither holds a config.json; download ${name}, or say where it is (${flag})`); // prettier-ignore
  }
  return found;
}
