/** Two ways to end a run from outside: after the step in hand with everything saved, or at once. */
export class StopRequest {
  private requested = false;
  private stopNow: (() => void) | undefined;
  /** Settles when the run must end at once; never rejects. */
  private readonly now: Promise<typeof stoppedAtOnce>;
  private atOnce = false;
  private inHand: Promise<void> = Promise.resolve();

  constructor(signal?: AbortSignal, stopNow?: AbortSignal) {
    this.now = new Promise((resolve) => {
      this.stopNow = () => {
        this.atOnce = true;
        resolve(stoppedAtOnce);
      };
    });
    listen(signal, () => {
      this.request();
    });
    listen(stopNow, () => {
      this.request();
      this.stopNow?.();
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
    // Promise.race hears a late rejection of the work as well, so it cannot become an unhandled one.
    return Promise.race([work, this.now]);
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
