import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Job, JobView } from "../../../src/studio/api.js";
import { JobState } from "./jobs.js";
import { Failure } from "../parts/parts.js";
import { get, post } from "../tools/api.js";
import { formatTime } from "../tools/format.js";
import { linkTo } from "../tools/place.js";
import { t } from "../words/words.js";
import { progressIn, type JobProgress } from "./job-progress.js";

const everyMs = 1000;

/** A job at work: how far it is, which song is in hand, and a way to stop it. */
export function JobBar({ job, onChange }: { job: Job; onChange: () => void }): JSX.Element {
  const progress = useProgress(job);
  const [error, setError] = useState<Error>();
  const isAtWork = job.status === "running" || job.status === "waiting";
  return (
    <div class="job">
      <div class="actions">
        <strong>{job.title}</strong> <JobState status={job.status} />
        {isAtWork && (
          <button
            type="button"
            onClick={() => {
              post(`jobs/${job.id}/stop`).then(onChange, (reason: unknown) => {
                setError(reason instanceof Error ? reason : new Error(String(reason)));
              });
            }}
          >
            {t("Stop")}
          </button>
        )}
        {job.kind === "preprocess" && job.status === "done" && job.makes !== undefined && (
          <a href={linkTo("train", { tensors: job.makes })}>{t("Train on it")}</a>
        )}
      </div>
      {job.status === "running" && (
        <div aria-live="off">
          <progress max={1} value={progress?.share} aria-label={job.title} />
          {progress !== undefined && (
            <p class="quiet">
              {t("{what}: {done} of {total}", {
                what: progress.what,
                done: Math.floor(progress.done),
                total: progress.total,
              })}
              {progress.remark !== "" && ` · ${progress.remark}`}
              {progress.left !== undefined && ` · ${t("{time} left", { time: formatTime(progress.left) })}`}
            </p>
          )}
        </div>
      )}
      <Failure error={error ?? (job.error === undefined ? undefined : new Error(job.error))} />
    </div>
  );
}

/** Follows a running job's output from where the last look ended. */
function useProgress({ id, status }: Job): JobProgress | undefined {
  const [progress, setProgress] = useState<JobProgress>();
  const next = useRef(0);
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      try {
        const view = await get<JobView>(`jobs/${id}`, { from: next.current });
        if (over) return;
        next.current = view.next;
        setProgress((before) => progressIn(view.output, before));
      } catch {
        // The list of jobs says whether the studio answers and the job is there; a bar has nothing to add.
      }
      if (!over) timer = setTimeout(() => void look(), everyMs);
    };
    if (status === "running") void look();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [id, status]);
  return progress;
}
