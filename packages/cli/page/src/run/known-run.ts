import type { LogTail, LoggedEvent } from "@acewright/trainer";
import { useEffect, useRef, useState } from "preact/hooks";
import type { RunView } from "../../../src/studio/api.js";
import { get } from "../tools/api.js";

/** Everything a run's log has said so far. */
export interface KnownLog {
  readonly events: readonly LoggedEvent[];
  readonly next: number;
}

export const emptyLog: KnownLog = { events: [], next: 0 };

/** Adds what is new; a log that was cut by a resume is begun anew. */
export function withTail(known: KnownLog, { events, from, next }: LogTail): KnownLog {
  if (from === known.next && events.length === 0) return known;
  return { events: from === known.next ? [...known.events, ...events] : events, next };
}

/** A run as the page knows it. */
export interface WatchedRun {
  readonly run: RunView["run"] | undefined;
  readonly log: KnownLog;
  readonly error: Error | undefined;
}

/** Follows a run (none where the path is empty): every second until it is done, then slower. */
export function useRun(path: string): WatchedRun {
  const [state, setState] = useState<WatchedRun>({ run: undefined, log: emptyLog, error: undefined });
  const log = useRef(emptyLog);
  useEffect(() => {
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    log.current = emptyLog;
    setState({ run: undefined, log: emptyLog, error: undefined });
    if (path === "") return undefined;
    const ask = async (): Promise<void> => {
      // A run that was asked for may have no folder yet.
      let wait = 1000;
      try {
        const answer = await get<RunView>("runs/view", { path, from: log.current.next }, over.signal);
        log.current = withTail(log.current, answer.log);
        setState({ run: answer.run, log: log.current, error: undefined });
        if (answer.run.status !== "running") wait = 5000;
      } catch (error) {
        if (over.signal.aborted) return;
        setState((before) => ({
          ...before,
          error: error instanceof Error ? error : new Error(String(error)),
        }));
      }
      if (!over.signal.aborted) timer = setTimeout(() => void ask(), wait);
    };
    void ask();
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [path]);
  return state;
}
