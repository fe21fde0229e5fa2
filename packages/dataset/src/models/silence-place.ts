import { existsSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** The kinds of file a silence latent comes in, the preferred first. */
const silenceNames = ["silence_latent.safetensors", "silence_latent.pt"] as const;

/** Where a model's silence latent lies; `warning` where it is not the model's own. */
export interface SilencePlace {
  readonly file: string;
  readonly warning?: string;
}

/**
 * Beside the weights, else in the folder above, else beside another model there: all of them hold the silence of the one
 * autoencoder. Undefined where there is none.
 */
export function findSilenceLatent(model: string): SilencePlace | undefined {
  const folder = resolve(model);
  const own = silenceIn(folder);
  if (own !== undefined) return { file: own };
  const above = dirname(folder);
  const file = [above, ...modelsIn(above)].map(silenceIn).find((found) => found !== undefined);
  if (file === undefined) return undefined;
  return { file, warning: `${folder}: has no silence latent of its own, that of ${dirname(file)} is taken` };
}

/** None where one may not look. */
function modelsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .map((name) => join(folder, name))
      .filter((inside) => existsSync(join(inside, "config.json")))
      .sort();
  } catch (cause) {
    if (["EACCES", "EPERM", "ENOENT"].includes((cause as NodeJS.ErrnoException).code ?? "")) return [];
    throw cause;
  }
}

function silenceIn(folder: string): string | undefined {
  return silenceNames.map((name) => join(folder, name)).find((file) => existsSync(file));
}
