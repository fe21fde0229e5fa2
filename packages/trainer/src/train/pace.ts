/** Speed of the recent steps; a checkpoint or validation between two steps is not counted as a step's time. */
export class Pace {
  private last = performance.now();
  private secondsPerStep: number | undefined;
  private steps = 0;

  /** The time since now belongs to no step. */
  restart(): void {
    this.last = performance.now();
  }

  /** To be called after each step. */
  after(samples: number, remainingSteps: number): { samplesPerSecond: number; etaS: number } {
    const now = performance.now();
    const seconds = Math.max(1e-9, (now - this.last) / 1000);
    this.last = now;
    this.steps += 1;
    // The first step of a process also traces its program and records its graph: it counts until there is another.
    this.secondsPerStep =
      this.secondsPerStep === undefined || this.steps === 2
        ? seconds
        : 0.9 * this.secondsPerStep + 0.1 * seconds;
    return { samplesPerSecond: samples / seconds, etaS: remainingSteps * this.secondsPerStep };
  }
}
