import type { LoggedEvent } from "../run/event-log.js";

/** The gradient at one look, by layer and by kind of projection. */
export interface GradNorms {
  readonly step: number;
  /** L2 norm over all modules of each layer, rising; layers without an adapter are left out. */
  readonly layers: readonly { readonly layer: number; readonly norm: number }[];
  /** The same by what the modules are, such as `cross_attn.q_proj`, in the model's order. */
  readonly projections: readonly { readonly name: string; readonly norm: number }[];
}

/** The newest look at a run's gradients; undefined where there was none. */
export function newestGradNorms(events: readonly LoggedEvent[]): GradNorms | undefined {
  const newest = events.findLast((event) => event.type === "gradNorms");
  if (newest?.type !== "gradNorms") return undefined;
  const layers = new Map<number, number>();
  const projections = new Map<string, number>();
  for (const [module, norm] of Object.entries(newest.modules)) {
    const [, layer = "0", name = module] = /^layers\.(\d+)\.(.*)$/.exec(module) ?? [];
    layers.set(Number(layer), Math.hypot(layers.get(Number(layer)) ?? 0, norm));
    projections.set(name, Math.hypot(projections.get(name) ?? 0, norm));
  }
  return {
    step: newest.step,
    layers: [...layers].sort(([a], [b]) => a - b).map(([layer, norm]) => ({ layer, norm })),
    projections: [...projections].map(([name, norm]) => ({ name, norm })),
  };
}
