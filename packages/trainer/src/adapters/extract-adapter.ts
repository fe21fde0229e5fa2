import { AceError } from "@acewright/core-native";
import { readModelConfig } from "@acewright/core-native";
import { basename } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { openBaseWeights } from "./base-weights.js";
import {
  approximate,
  eachModule,
  overallError,
  writeLora,
  type ModuleWork,
  type RankChoice,
} from "./low-rank.js";
import { frobenius, subtracted } from "./matrix.js";
import type { ReducedAdapter } from "./merge-adapters.js";

export interface ExtractOptions extends ModuleWork {
  /** A new folder. */
  readonly output: string;
  readonly choice: RankChoice;
}

export interface ExtractedAdapter extends ReducedAdapter {
  /** Tensors that differ too but are no linear of the decoder's layers: a LoRA cannot hold them. */
  readonly otherDifferences: readonly string[];
  /** Modules that are equal in both, and so are not in the adapter. */
  readonly equalModules: number;
}

const linear = /^decoder\.(layers\.\d+\.(?:self_attn|cross_attn|mlp)\.\w+_proj)\.weight$/;

/**
 * Writes the difference of two checkpoints as a LoRA for the first.
 *
 * @throws {AceError} ERR_CHECKPOINT where they are of different shapes; ERR_CONFIG where no linear differs; ERR_FILE.
 */
export async function extractAdapter(
  base: string,
  tuned: string,
  { output, choice, onModule, signal }: ExtractOptions,
): Promise<ExtractedAdapter> {
  const [from, to] = [openBaseWeights(base), openBaseWeights(tuned)];
  const names = [...from.checkpoint.tensors.keys()];
  const otherDifferences: string[] = [];
  const modules: string[] = [];
  for (const name of names) {
    await nextTurn();
    signal?.throwIfAborted();
    const module = linear.exec(name)?.[1];
    const [a, b] = [from.checkpoint.tensors.get(name), to.checkpoint.tensors.get(name)];
    if (a === undefined || b === undefined || a.shape.join() !== b.shape.join()) {
      throw new AceError(
        "ERR_CHECKPOINT",
        `${tuned}: ${name} is ${b === undefined ? "missing" : `[${b.shape.join(", ")}]`}, in ${base} it is [${a?.shape.join(", ") ?? ""}]; the two are not of one model`,
      );
    }
    if (module !== undefined) modules.push(module);
    else if (Buffer.compare(from.checkpoint.read(name).data, to.checkpoint.read(name).data) !== 0)
      otherDifferences.push(name);
  }
  const made = await eachModule(
    modules,
    function* (name) {
      // Each of these takes milliseconds of a large model's weight.
      yield;
      const after = to.read(name);
      yield;
      const before = from.read(name);
      yield;
      const matrix = subtracted(after, before);
      yield;
      return frobenius(matrix) === 0
        ? undefined
        : yield* approximate(name, { form: "matrix", matrix }, choice);
    },
    { onModule, signal },
  );
  const changed = made.filter((one) => one !== undefined);
  if (changed.length === 0)
    throw new AceError(
      "ERR_CONFIG",
      `${tuned}: every linear of its layers equals ${base}; there is nothing to extract`,
    );
  const config = readModelConfig(from.folder);
  await writeLora(
    output,
    changed.map(({ module }) => module),
    {
      base_model: basename(from.folder),
      base_model_version: config.modelVersion,
      base_model_fingerprint: config.fingerprint,
      made_by: `extract from ${basename(to.folder)}`,
    },
  );
  const reports = changed.map(({ report }) => report);
  return {
    output,
    modules: reports,
    relativeError: overallError(reports),
    otherDifferences,
    equalModules: modules.length - changed.length,
  };
}
