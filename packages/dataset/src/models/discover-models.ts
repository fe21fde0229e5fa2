import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";

/** A music model on this machine. */
export interface FoundModel {
  readonly name: string;
  readonly folder: string;
  /** Which kind of sampling it was made for. */
  readonly base: "turbo" | "sft" | "base";
  /** Its folder has an official name; others are someone's fine-tune. */
  readonly isOfficial: boolean;
  /** Where its silence latent lies; not always beside it, and a warning then says so. */
  readonly silenceLatent: string | undefined;
  readonly warnings: readonly string[];
}

const Config = z.looseObject({
  model_type: z.string().optional(),
  auto_map: z.record(z.string(), z.unknown()).optional(),
  is_turbo: z.boolean().optional(),
});

const largestConfig = 1 << 20;
const silenceNames = ["silence_latent.safetensors", "silence_latent.pt"];

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
  const { place, warning } = silenceOf(folder);
  return {
    name,
    folder,
    base: baseOf(name, config.is_turbo),
    isOfficial: name.startsWith("acestep-v15-"),
    silenceLatent: place,
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

function baseOf(name: string, isTurbo: boolean | undefined): FoundModel["base"] {
  if (isTurbo ?? /turbo/i.test(name)) return "turbo";
  return /sft/i.test(name) ? "sft" : "base";
}

/** Beside the weights, else in the folder above, else beside any other model there. */
function silenceOf(folder: string): { place: string | undefined; warning?: string } {
  const inFolder = (place: string): string | undefined =>
    silenceNames.map((name) => join(place, name)).find((file) => existsSync(file));
  const own = inFolder(folder);
  if (own !== undefined) return { place: own };
  const above = dirname(folder);
  const elsewhere = [
    above,
    ...readdirSync(above)
      .sort()
      .map((name) => join(above, name)),
  ]
    .map((place) => inFolder(place))
    .find((file) => file !== undefined);
  if (elsewhere === undefined)
    return {
      place: undefined,
      warning: `${folder}: silence_latent.pt is missing, without it nothing can be conditioned`,
    };
  return {
    place: elsewhere,
    warning: `${folder}: has no silence_latent.pt of its own, ${elsewhere} would do`,
  };
}
