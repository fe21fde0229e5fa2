import type { TrainEvent } from "./events.js";

/** Step events a reader may lag behind before the oldest of them is dropped. */
const maxWaitingSteps = 256;

/**
 * Carries events from the training loop to its reader. `push` never waits: where the reader is slow, the oldest step
 * events are dropped, all other events are kept.
 */
export class EventQueue {
  private waiting: TrainEvent[] = [];
  private waitingSteps = 0;
  private closed = false;
  private failure: { readonly cause: unknown } | undefined;
  private sleepers: (() => void)[] = [];

  push(event: TrainEvent): void {
    this.waiting.push(event);
    if (event.type === "step" && ++this.waitingSteps > maxWaitingSteps) {
      this.waiting.splice(
        this.waiting.findIndex(({ type }) => type === "step"),
        1,
      );
      this.waitingSteps--;
    }
    this.wake();
  }

  /** No more events come; what waits is still read. */
  close(): void {
    this.closed = true;
    this.wake();
  }

  /** The reader gets this error after what waits. */
  fail(cause: unknown): void {
    this.failure = { cause };
    this.close();
  }

  /** The next event; undefined after the last one. */
  async next(): Promise<TrainEvent | undefined> {
    for (;;) {
      const event = this.waiting.shift();
      if (event !== undefined) {
        if (event.type === "step") this.waitingSteps--;
        return event;
      }
      if (this.failure !== undefined) {
        const { cause } = this.failure;
        this.failure = undefined;
        throw cause;
      }
      if (this.closed) return undefined;
      await new Promise<void>((resolve) => this.sleepers.push(resolve));
    }
  }

  private wake(): void {
    for (const sleeper of this.sleepers.splice(0)) sleeper();
  }
}
