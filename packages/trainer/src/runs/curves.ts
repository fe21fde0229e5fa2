import type { LoggedEvent } from "../run/event-log.js";

export interface CurvePoint {
  readonly step: number;
  readonly value: number;
}

/** What a run's log draws. */
export interface RunCurves {
  /** Every logged step that counted. */
  readonly loss: readonly CurvePoint[];
  /** The same, smoothed: a single loss says more about its timestep than of the model. */
  readonly smoothedLoss: readonly CurvePoint[];
  readonly validation: readonly CurvePoint[];
  readonly learningRate: readonly CurvePoint[];
  readonly gradNorm: readonly CurvePoint[];
}

/** Weight of the past in the smoothed loss. */
const smoothing = 0.95;

/** The curves of a run, from its events. */
export function runCurves(events: readonly LoggedEvent[]): RunCurves {
  const steps = events.flatMap((event) => (event.type === "step" && !event.skipped ? [event] : []));
  const curve = (field: "loss" | "learningRate" | "gradNorm") =>
    steps.map(({ step, [field]: value }) => ({ step, value }));
  const loss = curve("loss");
  return {
    loss,
    smoothedLoss: smoothed(loss),
    validation: events.flatMap((event) =>
      event.type === "validation" ? [{ step: event.step, value: event.loss }] : [],
    ),
    learningRate: curve("learningRate"),
    gradNorm: curve("gradNorm"),
  };
}

/** Exponential mean in which the first values weigh no more than others. */
function smoothed(points: readonly CurvePoint[]): CurvePoint[] {
  let sum = 0;
  let weight = 0;
  return points.map(({ step, value }) => {
    sum = smoothing * sum + (1 - smoothing) * value;
    weight = smoothing * weight + (1 - smoothing);
    return { step, value: sum / weight };
  });
}
