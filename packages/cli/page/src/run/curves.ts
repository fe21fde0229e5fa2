import type { LoggedEvent } from "@acewright/trainer";

/** Numbers over steps, as a chart takes them: a gap is null. */
export interface Curve {
  readonly steps: readonly number[];
  readonly values: readonly (number | null)[];
}

export interface Curves {
  readonly loss: Curve;
  readonly validation: Curve;
  readonly learningRate: Curve;
  readonly gradNorm: Curve;
}

/** What the log's steps draw. Skipped steps are gaps. */
export function curvesOf(events: readonly LoggedEvent[]): Curves {
  const steps = events.filter((event) => event.type === "step");
  const curve = (field: "loss" | "learningRate" | "gradNorm"): Curve => ({
    steps: steps.map(({ step }) => step),
    values: steps.map((event) => (event.skipped ? null : event[field])),
  });
  const validations = events.filter((event) => event.type === "validation");
  return {
    loss: curve("loss"),
    validation: {
      steps: validations.map(({ step }) => step),
      values: validations.map(({ loss }) => loss),
    },
    learningRate: curve("learningRate"),
    gradNorm: curve("gradNorm"),
  };
}

/**
 * The curve with the past weighing in: a single loss says more about its timestep than of the model. Its start is not drawn
 * towards 0.
 *
 * @param weight of the past, from 0 (the curve as it is) to below 1.
 */
export function smoothed({ steps, values }: Curve, weight: number): Curve {
  let sum = 0;
  let mass = 0;
  return {
    steps,
    values: values.map((value) => {
      if (value === null) return null;
      sum = weight * sum + (1 - weight) * value;
      mass = weight * mass + (1 - weight);
      return sum / mass;
    }),
  };
}

/** Several curves over the steps of all of them, as one table. */
export function aligned(curves: readonly Curve[]): [number[], ...(number | null)[][]] {
  const steps = [...new Set(curves.flatMap((curve) => curve.steps))].sort((a, b) => a - b);
  const rows = new Map(steps.map((step, row) => [step, row]));
  const columns = curves.map((curve) => {
    const column = new Array<number | null>(steps.length).fill(null);
    for (const [place, step] of curve.steps.entries()) {
      const row = rows.get(step);
      if (row !== undefined) column[row] = curve.values[place] ?? null;
    }
    return column;
  });
  return [steps, ...columns];
}
