import { readModelConfig } from "@acewright/core-native";
import { openBaseWeights, tensorName } from "./base-weights.js";
import { magnitudesOf, openAdapter, type OpenedModule } from "./opened-adapter.js";

/** Whether an adapter works on one model. */
export interface AdapterFit {
  readonly model: string;
  readonly modelVersion: string;
  /** `trained-on`: that very model. `fits`: the same shapes, other weights. `does-not-fit`: it cannot be loaded. */
  readonly verdict: "trained-on" | "fits" | "does-not-fit";
  readonly matched: number;
  /** Modules the model lacks, or has in another shape, with both shapes. */
  readonly problems: readonly string[];
  /** In a sentence: what to expect. */
  readonly advice: string;
}

/**
 * Holds an adapter against models by shapes and fingerprint; nothing is loaded.
 *
 * @throws {AceError} ERR_FILE, ERR_CHECKPOINT.
 */
export function checkAdapterFit(adapter: string, models: readonly string[]): AdapterFit[] {
  const { file, modules } = openAdapter(adapter);
  const trainedOn = file.metadata.base_model_fingerprint;
  const decomposed = modules.some((module) => magnitudesOf(module) !== undefined);
  return models.map((model) => {
    const { folder, checkpoint } = openBaseWeights(model);
    const config = readModelConfig(folder);
    const problems = modules.flatMap((module) => {
      const shape = checkpoint.tensors.get(tensorName(module.name))?.shape;
      const wanted = shapeOf(module);
      if (shape === undefined) return [`${module.name}: the model has no such module`];
      return shape.join() === wanted.join()
        ? []
        : [`${module.name}: the adapter is for [${wanted.join(", ")}], the model has [${shape.join(", ")}]`];
    });
    const same = trainedOn !== undefined && trainedOn === config.fingerprint;
    const verdict = problems.length > 0 ? "does-not-fit" : same ? "trained-on" : "fits";
    return {
      model: folder,
      modelVersion: config.modelVersion,
      verdict,
      matched: modules.length - problems.length,
      problems,
      advice: adviceFor(verdict, file.metadata.base_model_version, config.modelVersion, decomposed),
    };
  });
}

/** [out, in] of the weight a module changes, from its factors alone. */
function shapeOf({ parts }: OpenedModule): [number, number] {
  const axis = (part: string, i: number) => parts.get(part)?.shape[i] ?? 0;
  if (parts.has("lora_A.weight")) return [axis("lora_B.weight", 0), axis("lora_A.weight", 1)];
  if (parts.has("hada_w1_a")) return [axis("hada_w1_a", 0), axis("hada_w1_b", 1)];
  const of = (word: string, i: 0 | 1) =>
    parts.has(word) ? axis(word, i) : axis(i === 0 ? `${word}_a` : `${word}_b`, i);
  return [of("lokr_w1", 0) * of("lokr_w2", 0), of("lokr_w1", 1) * of("lokr_w2", 1)];
}

function adviceFor(
  verdict: AdapterFit["verdict"],
  from: string | undefined,
  to: string,
  decomposed: boolean,
): string {
  if (verdict === "does-not-fit") return "cannot be loaded: it is for a model of another size";
  if (verdict === "trained-on") return "this is the model it was trained on";
  if (from === undefined) return "loads; the file does not say on which model it was trained";
  const likely =
    from === to
      ? "loads; other weights of the same variant"
      : /base/.test(from)
        ? `loads; adapters of base work on ${to} as a rule`
        : `loads; adapters of ${from} do little or harm on ${to} as a rule: listen before you trust it`;
  return decomposed ? `${likely}; its magnitudes are those of the other weights` : likely;
}
