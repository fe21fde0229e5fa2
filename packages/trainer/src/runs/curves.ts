import { meanOf, withValue, type RunningMean } from "../plan/running-mean.js";
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

function smoothed(points: readonly CurvePoint[]): CurvePoint[] {
  let mean: RunningMean = { sum: 0, weight: 0 };
  return points.map(({ step, value }) => {
    mean = withValue(mean, value, smoothing);
    return { step, value: meanOf(mean) ?? value };
  });
}
