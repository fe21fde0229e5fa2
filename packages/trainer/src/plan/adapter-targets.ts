import { AceError, type AdapterConfig } from "@acewright/core-native";
import { attentionProjections, mlpProjections, type AdapterSettings } from "../config/adapter-settings.js";

/** What the native adapter is made from: targets written out, nothing optional left open. */
export function adapterConfigOf(settings: AdapterSettings, layerCount: number): AdapterConfig {
  const common = {
    rank: settings.rank,
    alpha: alphaOf(settings),
    targetModules: targetModulesOf(settings, layerCount),
    ...(settings.rankPattern && { rankPattern: settings.rankPattern }),
    ...(settings.alphaPattern && { alphaPattern: settings.alphaPattern }),
  };
  switch (settings.kind) {
    case "lora":
    case "dora":
      return { kind: settings.kind, ...common, dropout: settings.dropout, rsLora: settings.rsLora };
    case "lokr": {
      const { factor, decomposeBoth, fullMatrix, weightDecompose, rankDropout, rankDropoutScale } = settings;
      const own = { factor, decomposeBoth, fullMatrix, weightDecompose, rankDropout, rankDropoutScale };
      return { kind: "lokr", ...common, ...own };
    }
    case "loha": {
      const { weightDecompose, rankDropout, rankDropoutScale } = settings;
      return { kind: "loha", ...common, weightDecompose, rankDropout, rankDropoutScale };
    }
  }
}

/** Alpha, twice the rank where the user left it open. */
export function alphaOf(settings: Pick<AdapterSettings, "alpha" | "rank">): number {
  return settings.alpha ?? 2 * settings.rank;
}

/**
 * The names an adapter's file and the native core know. `attentionType` gives the bare attention projections their
 * parent, `targetMlp` adds the three of the MLP, `layers` writes each name out for those layers.
 *
 * @throws {AceError} ERR_CONFIG for a layer the model does not have, or layers together with full names or patterns.
 */
export function targetModulesOf(
  settings: Pick<AdapterSettings, "targetModules" | "targetMlp" | "attentionType" | "layers">,
  layerCount: number,
): string[] {
  const names = [...settings.targetModules, ...(settings.targetMlp ? mlpProjections : [])];
  const parents = { both: ["self_attn", "cross_attn"], self: ["self_attn"], cross: ["cross_attn"] }[
    settings.attentionType
  ];
  const isAttention = (name: string) => (attentionProjections as readonly string[]).includes(name);
  const isMlp = (name: string) => (mlpProjections as readonly string[]).includes(name);
  const suffixed = names.flatMap((name) => {
    if (isAttention(name) && (settings.attentionType !== "both" || settings.layers !== undefined))
      return parents.map((parent) => `${parent}.${name}`);
    return isMlp(name) && settings.layers !== undefined ? [`mlp.${name}`] : [name];
  });
  if (settings.layers === undefined) return [...new Set(suffixed)];
  const written = suffixed.find((name) => name.includes("*") || name.startsWith("layers."));
  if (written !== undefined) {
    throw new AceError(
      "ERR_CONFIG",
      `adapter.layers cannot be combined with the full name or pattern ${JSON.stringify(written)} in adapter.targetModules; give suffixes such as q_proj`,
    );
  }
  return layersOf(settings.layers, layerCount).flatMap((layer) => [
    ...new Set(suffixed.map((name) => `layers.${layer}.${name}`)),
  ]);
}

/** `"0-2,5"` as [0, 1, 2, 5]. */
function layersOf(text: string, layerCount: number): number[] {
  const layers = new Set<number>();
  for (const part of text.split(",")) {
    const [from, to = from] = part.split("-").map(Number) as [number, number?];
    if (from > to || to >= layerCount) {
      throw new AceError(
        "ERR_CONFIG",
        `adapter.layers: ${part} is not within the model's layers 0 to ${layerCount - 1}`,
      );
    }
    for (let layer = from; layer <= to; layer++) layers.add(layer);
  }
  return [...layers].sort((a, b) => a - b);
}
