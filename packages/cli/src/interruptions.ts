import { exitCodes } from "./failure.js";
import type { Context } from "./command.js";

type Signals = Pick<Context, "signal" | "stopNow">;

/** Ctrl-C: the first asks the work in hand to stop and save, the second to stop without, the third does not ask. */
export class Interruptions {
  private readonly whole = new Work();
  private inHand = this.whole;

  /** Of the whole process. */
  get signals(): Signals {
    const { signal, stopNow } = this.whole;
    return { signal, stopNow };
  }

  interrupt(): void {
    const { inHand } = this;
    if (inHand.stopNow.aborted) process.exit(exitCodes.interrupted);
    inHand.interrupt();
  }

  /** A polite kill counts as Ctrl-C, but ends the whole process. */
  terminate(): void {
    if (this.inHand !== this.whole) this.whole.stop();
    this.interrupt();
  }

  /** The process shall end, and save what it has: nobody is there any more. */
  leave(): void {
    this.whole.stop();
    this.inHand.stop();
  }

  /** A piece of work with signals of its own. */
  async during<T>(work: (signals: Signals) => Promise<T>): Promise<T> {
    this.inHand = new Work();
    if (this.whole.signal.aborted) this.inHand.stop();
    try {
      return await work(this.inHand);
    } finally {
      this.inHand = this.whole;
    }
  }
}

class Work implements Signals {
  private readonly soft = new AbortController();
  private readonly hard = new AbortController();
  readonly signal = this.soft.signal;
  readonly stopNow = this.hard.signal;

  interrupt(): void {
    if (this.signal.aborted) this.hard.abort();
    this.soft.abort();
  }

  stop(): void {
    this.soft.abort();
  }
}
