import type { ProbeReading } from "@acewright/core-native";
import type { ModuleScore } from "./ranks.js";

/** How many of the most important modules must keep their order for a run to have settled. */
const watched = 20;

interface Sums {
  /** Sum of the gradients' norms over all batches. */
  norms: number;
  /** Sum of their squares in each run. */
  readonly squares: number[];
}

/** What the passes so far say of each module. */
export class Scores {
  readonly warnings: string[] = [];
  private readonly sums = new Map<string, Sums>();
  private readonly layerNorms = new Map<number, number>();
  /** Batches counted in each run. */
  private readonly counts: number[] = [];
  private order = "";
  private kept = 0;

  /** Batches in a row after which the first twenty of this run stood in the same order. */
  get keptOrder(): number {
    return this.kept;
  }

  get batches(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** Runs in which anything was counted. */
  get runs(): number {
    return this.counts.filter((count) => count > 0).length;
  }

  beginRun(): void {
    this.counts.push(0);
    [this.order, this.kept] = ["", 0];
  }

  /** False where the reading is not finite: nothing is counted then. */
  add({ squaredNorms }: ProbeReading): boolean {
    if ([...squaredNorms.values()].some((square) => !Number.isFinite(square))) return false;
    const run = this.counts.length - 1;
    this.counts[run] = (this.counts[run] ?? 0) + 1;
    const layers = new Map<number, number>();
    for (const [name, square] of squaredNorms) {
      const sums = this.sums.get(name) ?? { norms: 0, squares: [] };
      sums.norms += Math.sqrt(square);
      sums.squares[run] = (sums.squares[run] ?? 0) + square;
      this.sums.set(name, sums);
      const layer = layerOf(name);
      layers.set(layer, (layers.get(layer) ?? 0) + square);
    }
    for (const [layer, square] of layers)
      this.layerNorms.set(layer, (this.layerNorms.get(layer) ?? 0) + Math.sqrt(square));
    const order = [...this.sums]
      .sort(([, a], [, b]) => (b.squares[run] ?? 0) - (a.squares[run] ?? 0))
      .slice(0, watched)
      .map(([name]) => name)
      .join();
    this.kept = order === this.order ? this.kept + 1 : 0;
    this.order = order;
    return true;
  }

  /** The most important first. */
  modules(shapeOf: (name: string) => { readonly out: number; readonly in: number }): ModuleScore[] {
    const scored = [...this.sums].map(([name, { norms, squares }]) => {
      const shape = shapeOf(name);
      const elements = shape.out * shape.in;
      const byRun = this.counts.flatMap((count, run) =>
        count > 0 ? [(squares[run] ?? 0) / (elements * count)] : [],
      );
      const sum = squares.reduce((total, square) => total + square, 0);
      return {
        name,
        ...shape,
        sensitivity: norms / this.batches,
        fisherScore: sum / (elements * this.batches),
        crossRunStd: deviation(byRun),
      };
    });
    return scored.sort((a, b) => b.fisherScore - a.fisherScore);
  }

  layers(count: number): number[] {
    return Array.from({ length: count }, (_, layer) => (this.layerNorms.get(layer) ?? 0) / this.batches);
  }
}

function layerOf(name: string): number {
  return Number(/^layers\.(\d+)\./.exec(name)?.[1] ?? -1);
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
