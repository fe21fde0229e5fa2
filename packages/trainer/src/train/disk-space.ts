import type { MemoryPlan } from "@acewright/core-native";
import type { TrainConfig } from "../config/train-config.js";
import type { Files } from "../run/files.js";

/**
 * A warning where the disk will not hold what the run keeps: its checkpoints and the one being written, `final/` and
 * `best/`. Undefined when it will, or when all checkpoints are kept and nobody can say.
 */
export function diskWarning(
  config: Pick<TrainConfig, "output" | "keepCheckpoints">,
  memory: Pick<MemoryPlan, "adapterBytes" | "optimizerBytes">,
  files: Files,
): string | undefined {
  const checkpoint = memory.adapterBytes + memory.optimizerBytes;
  const needed = (config.keepCheckpoints + 1) * checkpoint + 3 * memory.adapterBytes;
  const { bavail, bsize } = files.statfsSync(config.output);
  const free = bavail * bsize;
  if (free >= needed) return undefined;
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
  return `${config.output}: the disk has ${megabytes(free)} free, checkpoints and adapters will take ${megabytes(needed)}; free some space or lower keepCheckpoints`;
}
