/**
 * Runs work that tells what it does, as a stream of events. A reader that leaves early aborts the work, and waits until
 * nothing is being written any more.
 */
export async function* eventStream<Event>(
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal, emit: (event: Event) => void) => Promise<void>,
): AsyncGenerator<Event, void> {
  const queue = new EventQueue<Event>();
  const stop = new AbortController();
  const signals = signal === undefined ? [stop.signal] : [stop.signal, signal];
  const outcome = work(AbortSignal.any(signals), (event) => {
    queue.push(event);
  }).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  void outcome.then(() => {
    queue.close();
  });
  try {
    yield* queue;
  } finally {
    stop.abort();
    await outcome;
  }
  const failure = await outcome;
  if (failure !== undefined) throw failure.error;
}

/** A queue between work that tells and a reader that asks; the work never waits for the reader. */
class EventQueue<Event> {
  readonly #events: Event[] = [];
  #wake: (() => void) | undefined;
  #closed = false;

  push(event: Event): void {
    this.#events.push(event);
    this.#wake?.();
  }

  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void> {
    for (;;) {
      const next = this.#events.shift();
      if (next !== undefined) yield next;
      else if (this.#closed) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
