import { useEffect, useState } from "preact/hooks";
import type { DatasetPick } from "../../../src/studio/dataset-api.js";
import { get, Refused } from "../tools/api.js";

/** Asked once the typing pauses. */
const pauseMs = 150;

/** Songs that a search and a filter pick; undefined where all are shown. */
export function usePick(
  path: string,
  revision: string | undefined,
  { text, filter }: { readonly text: string; readonly filter: string },
): { songs: ReadonlySet<number> | undefined; error: Error | undefined } {
  const [pick, setPick] = useState<ReadonlySet<number>>();
  const [error, setError] = useState<Error>();
  useEffect(() => {
    if (text.trim() === "" && filter.trim() === "") {
      setPick(undefined);
      setError(undefined);
      return undefined;
    }
    const over = new AbortController();
    const timer = setTimeout(() => {
      get<DatasetPick>("dataset/select", { path, text, filter }, over.signal).then(
        ({ songs }) => {
          setPick(new Set(songs));
          setError(undefined);
        },
        (reason: unknown) => {
          // Half a filter is none yet: what was shown stays, and it is told.
          if (!over.signal.aborted) setError(reason instanceof Refused ? reason : new Error(String(reason)));
        },
      );
    }, pauseMs);
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [path, revision, text, filter]);
  return { songs: pick, error };
}
