// LyCORIS' single file: LoKr and LoHa under `lycoris_<path with underscores>.<tensor>`.
import { join } from "node:path";
import { AceError } from "../errors.js";
import { toFloat32 } from "../float-tensor.js";
import { saveSafetensors } from "../safetensors.js";
import type { AdapterConfig, HostTensor, LohaConfig, LokrConfig } from "../types.js";
import type { Modules } from "./lora.js";

/** Writes `lokr_weights.safetensors` or `loha_weights.safetensors`. */
export async function writeLycorisFile(
  folder: string,
  config: AdapterConfig,
  tensors: Readonly<Record<string, HostTensor>>,
  metadata: Readonly<Record<string, string>>,
): Promise<string[]> {
  const file = join(folder, `${config.kind}_weights.safetensors`);
  const lokr = config as LokrConfig;
  const settings = {
    linear_dim: config.rank,
    linear_alpha: config.alpha,
    ...(config.kind === "lokr"
      ? {
          factor: lokr.factor ?? -1,
          decompose_both: lokr.decomposeBoth ?? false,
          full_matrix: lokr.fullMatrix ?? false,
        }
      : {}),
    use_tucker: false,
    use_scalar: false,
    weight_decompose: lokr.weightDecompose ?? false,
    target_modules: [...config.targetModules],
    bypass_mode: null,
    rs_lora: false,
    unbalanced_factorization: false,
  };
  await saveSafetensors(file, tensors, {
    algo: config.kind,
    format: "lycoris",
    [`${config.kind}_config`]: JSON.stringify(settings),
    ...metadata,
  });
  return [file];
}

/** LyCORIS' split of a dimension; the native core has the same rule and a golden table checks it. */
function factorise(n: number, factor: number): readonly [number, number] {
  if (factor > 0 && n % factor === 0) return [Math.min(factor, n / factor), Math.max(factor, n / factor)];
  const limit = factor < 0 ? n : factor;
  let [m, k] = [1, n];
  while (m < k) {
    let next = m + 1;
    while (next < n && n % next !== 0) next++;
    if (next + n / next > m + k || next > limit) break;
    [m, k] = [next, n / next];
  }
  return m <= k ? [m, k] : [k, m];
}

type Parts = ReadonlyMap<string, HostTensor>;

function shapeOf(
  parts: Parts,
  whole: string,
  left: string,
  right: string,
): readonly [number, number] | undefined {
  const full = parts.get(whole);
  if (full !== undefined) return [full.shape[0] ?? 0, full.shape[1] ?? 0];
  const [a, b] = [parts.get(left), parts.get(right)];
  return a === undefined || b === undefined ? undefined : [a.shape[0] ?? 0, b.shape[1] ?? 0];
}

function lokrOf(where: string, modules: Modules): LokrConfig {
  const ranks: Record<string, number> = {};
  const alphas: Record<string, number> = {};
  let settings: Omit<LokrConfig, "kind" | "rank" | "alpha" | "targetModules"> | undefined;
  for (const [name, parts] of modules) {
    const w1 = shapeOf(parts, "lokr_w1", "lokr_w1_a", "lokr_w1_b");
    const w2 = shapeOf(parts, "lokr_w2", "lokr_w2_a", "lokr_w2_b");
    if (w1 === undefined || w2 === undefined)
      throw new AceError("ERR_CHECKPOINT", `${where}: module ${name} lacks lokr_w1 or lokr_w2`);
    const alpha = parts.get("alpha");
    const thin = parts.get("lokr_w2_b") ?? parts.get("lokr_w1_b");
    // Both factors full: rank and alpha do nothing, and the stored alpha is the rank.
    const stored = alpha === undefined ? undefined : toFloat32(alpha)[0];
    const rank = thin?.shape[0] ?? Math.max(1, Math.round(stored ?? 1));
    ranks[name] = rank;
    alphas[name] = stored ?? rank;
    const [out, into] = [w1[0] * w2[0], w1[1] * w2[1]];
    const factor = [-1, w1[0], w1[1], w2[0], w2[1]].find((f) => {
      const [a, c] = factorise(out, f);
      const [b, d] = factorise(into, f);
      return a === w1[0] && c === w2[0] && b === w1[1] && d === w2[1];
    });
    if (factor === undefined)
      throw new AceError(
        "ERR_CHECKPOINT",
        `${where}: module ${name}: factors [${w1.join(", ")}] and [${w2.join(", ")}] are no LoKr factorisation`,
      );
    const decomposeBoth = parts.has("lokr_w1_a");
    const thinFits = 2 * rank < Math.max(...w2);
    const fullMatrix = parts.has("lokr_w2") && thinFits;
    // Square modules say little: the first module that is not ambiguous settles what all share.
    settings = {
      factor: settings === undefined || settings.factor === -1 ? factor : (settings.factor ?? -1),
      decomposeBoth: decomposeBoth || settings?.decomposeBoth === true,
      fullMatrix: fullMatrix || settings?.fullMatrix === true,
      weightDecompose: parts.has("dora_scale"),
    };
  }
  return { kind: "lokr", ...common(ranks, alphas), ...settings };
}

function lohaOf(where: string, modules: Modules): LohaConfig {
  const ranks: Record<string, number> = {};
  const alphas: Record<string, number> = {};
  let weightDecompose = false;
  for (const [name, parts] of modules) {
    const rank = parts.get("hada_w1_b")?.shape[0];
    if (rank === undefined) throw new AceError("ERR_CHECKPOINT", `${where}: module ${name} lacks hada_w1_b`);
    const alpha = parts.get("alpha");
    ranks[name] = rank;
    alphas[name] = (alpha === undefined ? undefined : toFloat32(alpha)[0]) ?? rank;
    weightDecompose ||= parts.has("dora_scale");
  }
  return { kind: "loha", ...common(ranks, alphas), weightDecompose };
}

function common(ranks: Readonly<Record<string, number>>, alphas: Readonly<Record<string, number>>) {
  const names = Object.keys(ranks);
  const rank = ranks[names[0] ?? ""] ?? 1;
  const alpha = alphas[names[0] ?? ""] ?? rank;
  const differing = (values: Readonly<Record<string, number>>, general: number) =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== general));
  return {
    rank,
    alpha,
    targetModules: names,
    rankPattern: differing(ranks, rank),
    alphaPattern: differing(alphas, alpha),
  };
}

/** The adapter that LyCORIS tensors describe, by module and part. */
export function readLycoris(
  where: string,
  modules: Modules,
): { config: AdapterConfig; tensors: Record<string, HostTensor> } {
  const tensors: Record<string, HostTensor> = {};
  for (const [module, parts] of modules) {
    for (const [part, tensor] of parts) tensors[`lycoris_${module.replaceAll(".", "_")}.${part}`] = tensor;
  }
  const loha = [...modules.values()].some((parts) =>
    [...parts.keys()].some((key) => key.startsWith("hada_")),
  );
  return { config: loha ? lohaOf(where, modules) : lokrOf(where, modules), tensors };
}
