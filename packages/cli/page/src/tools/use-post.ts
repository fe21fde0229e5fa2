import { useEffect, useState } from "preact/hooks";
import { post } from "./api.js";

/** An answer to what was sent last, or to what was sent before it while that is not answered yet. */
export interface Posted<Answer> {
  readonly answer: Answer | undefined;
  readonly error: Error | undefined;
  /** The answer is not the newest body's. */
  readonly isOld: boolean;
}

/**
 * Sends a body whenever it has changed and then stayed so for a moment; what is not wanted any more is broken off.
 *
 * @param body undefined: nothing is asked, and nothing known.
 */
export function usePost<Answer>(path: string, body: unknown, waitMs: number): Posted<Answer> {
  const [state, setState] = useState<Omit<Posted<Answer>, "isOld"> & { of: string | undefined }>({
    answer: undefined,
    error: undefined,
    of: undefined,
  });
  const sent = body === undefined ? undefined : JSON.stringify(body);
  useEffect(() => {
    if (sent === undefined) return undefined;
    const over = new AbortController();
    const timer = setTimeout(() => {
      post<Answer>(path, JSON.parse(sent), over.signal).then(
        (answer) => {
          setState({ answer, error: undefined, of: sent });
        },
        (reason: unknown) => {
          if (over.signal.aborted) return;
          const error = reason instanceof Error ? reason : new Error(String(reason));
          setState({ answer: undefined, error, of: sent });
        },
      );
    }, waitMs);
    return () => {
      clearTimeout(timer);
      over.abort();
    };
  }, [path, sent, waitMs]);
  if (sent === undefined) return { answer: undefined, error: undefined, isOld: false };
  return { answer: state.answer, error: state.error, isOld: state.of !== sent };
}
