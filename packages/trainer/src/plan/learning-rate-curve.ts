export interface LearningRatePoint {
  readonly learningRate: number;
  /** After the step made at this rate, over fixed noises and timesteps. */
  readonly loss: number;
}

export interface LearningRateVerdict {
  /** Where the loss falls fastest; undefined where it does not fall. */
  readonly suggested: number | undefined;
  /** The lowest rate at which the loss was seen to grow beyond where it began; undefined where it did not. */
  readonly diverges: number | undefined;
}

/** Points to either side that a slope is measured over: single steps are noisy. */
const reach = 3;

/**
 * Reads a sweep. The slope of the loss against log(rate) is that of the least-squares line through seven neighbours; the
 * steepest fall before the lowest loss is where training works hardest without running away (Smith 2015).
 */
export function readCurve(points: readonly LearningRatePoint[], lossBefore: number): LearningRateVerdict {
  const lowest = points.reduce(
    (best, { loss }, i) => (loss < (points[best]?.loss ?? Infinity) ? i : best),
    0,
  );
  const beyond = points.findIndex(({ loss }, i) => i > lowest && !(loss <= lossBefore));
  const diverges = points[beyond]?.learningRate;
  let steepest: { readonly slope: number; readonly at: number } | undefined;
  for (let at = reach; at <= Math.min(lowest, points.length - 1 - reach); at++) {
    const slope = slopeOf(points.slice(at - reach, at + reach + 1));
    if (slope < (steepest?.slope ?? 0)) steepest = { slope, at };
  }
  return { suggested: steepest && points[steepest.at]?.learningRate, diverges };
}

function slopeOf(points: readonly LearningRatePoint[]): number {
  const xs = points.map(({ learningRate }) => Math.log(learningRate));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(xs), mean(points.map(({ loss }) => loss))];
  const across = points.reduce((sum, { loss }, i) => sum + ((xs[i] ?? 0) - x) * (loss - y), 0);
  return across / xs.reduce((sum, value) => sum + (value - x) ** 2, 0);
}
