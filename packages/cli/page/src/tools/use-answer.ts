import { useCallback, useEffect, useState } from "preact/hooks";
import { get } from "./api.js";

/** What a component knows of something it asked for. */
export interface Asked<Answer> {
  readonly answer: Answer | undefined;
  readonly error: Error | undefined;
  /** Asks again now. */
  readonly again: () => void;
}

/**
 * Asks the server, again whenever the question changes, and every so often where that is wanted.
 *
 * @param everyMs asked again that long after each answer; never, where it is undefined.
 */
export function useAnswer<Answer>(
  path: string,
  query: Readonly<Record<string, string | number>> = {},
  everyMs?: number,
): Asked<Answer> {
  const [state, setState] = useState<Omit<Asked<Answer>, "again">>({ answer: undefined, error: undefined });
  const [round, setRound] = useState(0);
  const question = JSON.stringify([path, query]);
  useEffect(() => {
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      try {
        const answer = await get<Answer>(path, query, over.signal);
        setState({ answer, error: undefined });
      } catch (error) {
        if (over.signal.aborted) return;
        setState((before) => ({
          ...before,
          error: error instanceof Error ? error : new Error(String(error)),
        }));
      }
      if (everyMs !== undefined && !over.signal.aborted) timer = setTimeout(() => void ask(), everyMs);
    };
    void ask();
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [question, everyMs, round]);
  const again = useCallback(() => {
    setRound((before) => before + 1);
  }, []);
  return { ...state, again };
}
