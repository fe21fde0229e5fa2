import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { findSilenceLatent } from "./silence-place.js";
import { variantSampling, type VariantSampling } from "./variant.js";

/** A music model on this machine. */
export interface FoundModel {
  readonly name: string;
  readonly folder: string;
  /** Which kind of sampling it was made for. */
  readonly base: "turbo" | "sft" | "base";
  /** What a song is made with where nothing else is asked for. */
  readonly sampling: VariantSampling;
  /** Its folder has an official name; others are someone's fine-tune. */
  readonly isOfficial: boolean;
  /** The file of its silence latent; not always beside it, and a warning then says so. */
  readonly silenceLatent: string | undefined;
  readonly warnings: readonly string[];
}

const Config = z.looseObject({
  model_type: z.string().optional(),
  auto_map: z.record(z.string(), z.unknown()).optional(),
  is_turbo: z.boolean().optional(),
  model_version: z.string().optional(),
});

const largestConfig = 1 << 20;

/**
 * The music models in a folder of checkpoints, or the one it is: any folder whose config.json speaks of ACE-Step, whatever its
 * name, so that fine-tunes are found too. Nothing but config.json is read.
 */
export function discoverModels(root: string): FoundModel[] {
  const path = resolve(root);
  if (!existsSync(path) || !statSync(path).isDirectory()) return [];
  const inside = readdirSync(path, { withFileTypes: true })
    .filter((entry) => !entry.isFile() && !entry.name.startsWith("."))
    .map(({ name }) => join(path, name))
    .sort();
  return [path, ...inside].flatMap((folder) => modelIn(folder) ?? []);
}

function modelIn(folder: string): FoundModel | undefined {
  const config = readConfig(join(folder, "config.json"));
  if (config === undefined) return undefined;
  const speaks = [config.model_type ?? "", JSON.stringify(config.auto_map ?? {})].join(" ");
  if (!/ace-?_?step/i.test(speaks)) return undefined;
  const name = basename(folder);
  const silence = findSilenceLatent(folder);
  const base = baseOf(name, config);
  const warning =
    silence === undefined
      ? `${folder}: silence_latent.pt is missing, without it nothing can be conditioned`
      : silence.warning;
  return {
    name,
    folder,
    base,
    sampling: variantSampling({ isTurbo: base === "turbo" }, folder),
    isOfficial: name.startsWith("acestep-v15-"),
    silenceLatent: silence?.file,
    warnings: warning === undefined ? [] : [warning],
  };
}

function readConfig(path: string): z.infer<typeof Config> | undefined {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined || size > largestConfig) return undefined;
  try {
    return Config.safeParse(JSON.parse(readFileSync(path, "utf8"))).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // some other program's file
    throw error;
  }
}

/** The config's own word first; a folder may be called anything. */
function baseOf(name: string, config: z.infer<typeof Config>): FoundModel["base"] {
  if (config.is_turbo ?? /turbo/i.test(config.model_version ?? name)) return "turbo";
  return /sft/i.test(config.model_version ?? name) ? "sft" : "base";
}
