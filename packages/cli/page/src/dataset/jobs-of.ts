import { useEffect, useRef } from "preact/hooks";
import type { Job } from "../../../src/studio/api.js";
import { useAnswer } from "../tools/use-answer.js";

const kinds: ReadonlySet<string> = new Set([
  "scan",
  "check",
  "analyze",
  "label",
  "transcribe",
  "caption",
  "preprocess",
]);

/** Jobs at work on a dataset, and those that ended since the room was opened. */
export interface JobsOf {
  readonly shown: readonly Job[];
  /** The newest there is, whenever it was. */
  readonly newest: Job | undefined;
  /** Looks again now, and follows a job that was just started: it may have ended before anybody sees it at work. */
  readonly again: (started?: Job) => void;
}

/** Looks after a dataset's jobs; `onEnd` is called when some of them have ended. */
export function useJobsOf(path: string, onEnd: () => void): JobsOf {
  const { answer, again } = useAnswer<readonly Job[]>("jobs", {}, 1500);
  const followed = useRef(new Set<string>());
  const ended = useRef(new Set<string>());
  const own = (answer ?? []).filter(
    ({ kind, makes, line }) =>
      kinds.has(kind) && (makes === path || (kind === "preprocess" && line.includes(path))),
  );
  for (const { id, status } of own) {
    if (status === "running" || status === "waiting") followed.current.add(id);
  }
  const shown = own.filter(({ id }) => followed.current.has(id));
  useEffect(() => {
    const news = shown.filter(
      ({ id, status }) => status !== "running" && status !== "waiting" && !ended.current.has(id),
    );
    for (const { id } of news) ended.current.add(id);
    if (news.length > 0) onEnd();
  }, [answer]);
  return {
    shown,
    newest: own[0],
    again: (started) => {
      if (started !== undefined) followed.current.add(started.id);
      again();
    },
  };
}
