/** Two ways to end a run from outside: after the step in hand with everything saved, or at once. */
export class StopRequest {
  private requested = false;
  private atOnce = false;
  /** To be called when the run must end at once. */
  private readonly hearers = new Set<() => void>();
  private inHand: Promise<void> = Promise.resolve();

  constructor(signal?: AbortSignal, stopNow?: AbortSignal) {
    listen(signal, () => {
      this.request();
    });
    listen(stopNow, () => {
      this.request();
      this.atOnce = true;
      for (const hearer of this.hearers) hearer();
    });
  }

  /** Asks for a stop after the step in hand. */
  request(): void {
    this.requested = true;
  }

  get isRequested(): boolean {
    return this.requested;
  }

  get isAtOnce(): boolean {
    return this.atOnce;
  }

  /** The work's result, or {@link stoppedAtOnce} as soon as the run must end; the work itself goes on unheard. */
  race<T>(work: Promise<T>): Promise<T | typeof stoppedAtOnce> {
    this.inHand = work.then(nothing, nothing);
    if (this.atOnce) return Promise.resolve(stoppedAtOnce);
    // Not Promise.race with one promise for the whole run: that would remember every step ever raced against it.
    return new Promise((resolve, reject) => {
      const stop = () => {
        resolve(stoppedAtOnce);
      };
      this.hearers.add(stop);
      work.then(resolve, reject).finally(() => this.hearers.delete(stop));
    });
  }

  /** Settles when the last raced work has, heard or not. */
  get workInHand(): Promise<void> {
    return this.inHand;
  }
}

export const stoppedAtOnce = Symbol("stopped at once");

function listen(signal: AbortSignal | undefined, stop: () => void): void {
  if (signal?.aborted === true) stop();
  else signal?.addEventListener("abort", stop, { once: true });
}

function nothing(): void {
  // The result was told where the work was raced.
}
