/** What lies between steps and takes its own time: validations, songs to listen to. */
export interface Pause {
  /** How many are made yet once `step` steps are done, those due right then included. */
  readonly toCome: (step: number) => number;
  /** Passes forward of a song of training: tells how long one takes before the first was made. */
  readonly passes: number;
}

/** A pass forward and the one back, which takes twice as long. */
const passesOfTraining = 3;

/**
 * Speed of the recent steps, and the time until the run's end: the steps left and the pauses among them. A checkpoint between
 * two steps is neither.
 */
export class Pace<Name extends string = never> {
  private last = performance.now();
  private secondsPerStep: number | undefined;
  private steps = 0;
  /** Mean seconds of those made in this process. */
  private readonly took = new Map<Name, { mean: number; counted: number; isFirst: boolean }>();

  /** @param plannedSteps of the whole run. */
  constructor(
    private readonly plannedSteps: number,
    private readonly pauses: Readonly<Record<Name, Pause>>,
  ) {}

  /** The time since now belongs to no step. */
  restart(): void {
    this.last = performance.now();
  }

  /** To be called when a pause is over; it began with the last {@link restart}. */
  paused(name: Name): void {
    const seconds = (performance.now() - this.last) / 1000;
    const { mean = 0, counted = 0, isFirst = true } = this.took.get(name) ?? {};
    // As with steps, the first of a process traces its program: it counts until there is another.
    this.took.set(name, {
      mean: (mean * counted + seconds) / (counted + 1),
      counted: isFirst ? 0 : counted + 1,
      isFirst: false,
    });
    this.restart();
  }

  /**
   * To be called after each step.
   *
   * @param samples songs of the step
   * @param step steps of the run that are done
   */
  after(samples: number, step: number): { samplesPerSecond: number; secondsPerStep: number; etaS: number } {
    const now = performance.now();
    const seconds = Math.max(1e-9, (now - this.last) / 1000);
    this.last = now;
    this.steps += 1;
    // The first step of a process also traces its program and records its graph: it counts until there is another.
    const secondsPerStep =
      this.secondsPerStep === undefined || this.steps === 2
        ? seconds
        : 0.9 * this.secondsPerStep + 0.1 * seconds;
    this.secondsPerStep = secondsPerStep;
    const secondsPerPass = secondsPerStep / Math.max(1, samples) / passesOfTraining;
    const pausesS = (Object.entries(this.pauses) as [Name, Pause][]).reduce(
      (sum, [name, { toCome, passes }]) =>
        sum + toCome(step) * (this.took.get(name)?.mean ?? passes * secondsPerPass),
      0,
    );
    const etaS = Math.max(0, this.plannedSteps - step) * secondsPerStep + pausesS;
    return { samplesPerSecond: samples / seconds, secondsPerStep, etaS };
  }
}
