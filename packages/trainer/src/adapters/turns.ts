import { setImmediate as nextTurn } from "node:timers/promises";

/** A long computation; each `yield` is a place where others may have their turn. What it gives is the same however it is run. */
export type Work<T> = Generator<undefined, T, undefined>;

/** Longest stretch between two turns of the event loop, apart from what a computation does between two of its yields. */
const stretchMs = 3;

/**
 * Runs a computation beside whatever else the event loop has to do.
 *
 * @throws the signal's reason once it is aborted, between two turns.
 */
export async function inTurns<T>(work: Work<T>, signal?: AbortSignal): Promise<T> {
  for (let began = performance.now(); ;) {
    const { done, value } = work.next();
    if (done === true) return value;
    if (performance.now() - began < stretchMs) continue;
    await nextTurn();
    signal?.throwIfAborted();
    began = performance.now();
  }
}

/** Runs a computation to its end without letting anybody else. */
export function atOnce<T>(work: Work<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
