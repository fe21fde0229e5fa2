import { setTimeout as sleep } from "node:timers/promises";

export interface TryAgainOptions {
  /** How often in all. */
  readonly attempts: number;
  /** Pause before the second attempt; each later one waits twice as long. */
  readonly pauseMs: number;
  /** Whether another attempt may mend the error. */
  readonly mayPass: (error: unknown) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does work again where it failed in a way that a moment may mend: a lost connection, a busy server.
 *
 * @throws the last error, or one that no attempt mends; the signal's reason when it is aborted.
 */
export async function tryAgain<Result>(
  work: () => Promise<Result>,
  { attempts, pauseMs, mayPass, signal }: TryAgainOptions,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt === attempts || !mayPass(error)) throw error;
      await sleep(pauseMs * 2 ** (attempt - 1), undefined, signal === undefined ? {} : { signal });
    }
  }
}
