import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Job, JobStatus } from "../../../src/studio/api.js";
import { Badge, Card, Failure, Loading, Nothing, type BadgeKind } from "../parts/parts.js";
import { post } from "../tools/api.js";
import { formatMoment } from "../tools/format.js";
import { linkTo } from "../tools/place.js";
import { useAnswer } from "../tools/use-answer.js";
import { t } from "../words/words.js";

/** Everything that was started from the page, one after another. */
export function Jobs(): JSX.Element {
  const { answer, error, again } = useAnswer<readonly Job[]>("jobs", {}, 1000);
  const [refused, setRefused] = useState<Error>();
  const ask = (path: string): void => {
    post(path).then(
      () => {
        setRefused(undefined);
        again();
      },
      (reason: unknown) => {
        setRefused(reason instanceof Error ? reason : new Error(String(reason)));
      },
    );
  };
  return (
    <Card title={t("Jobs")}>
      <Failure error={refused ?? error} />
      {answer === undefined && <Loading />}
      {answer?.length === 0 && <Nothing>{t("Nothing was started from this page yet.")}</Nothing>}
      {answer !== undefined && answer.length > 0 && (
        <table>
          <thead>
            <tr>
              <th>{t("Job")}</th>
              <th>{t("State")}</th>
              <th>{t("Added")}</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {answer.map((job) => (
              <tr key={job.id}>
                <td>
                  <div>
                    <Made job={job} />
                  </div>
                  <code class="quiet">{job.line}</code>
                  {job.error !== undefined && <div class="bad">{job.error}</div>}
                </td>
                <td>
                  <JobState status={job.status} />
                </td>
                <td>{formatMoment(job.addedAt)}</td>
                <td class="actions">
                  {job.status === "running" || job.status === "waiting" ? (
                    <button
                      type="button"
                      onClick={() => {
                        ask(`jobs/${job.id}/stop`);
                      }}
                    >
                      {t("Stop")}
                    </button>
                  ) : (
                    <button
                      type="button"
                      onClick={() => {
                        ask(`jobs/${job.id}/remove`);
                      }}
                    >
                      {t("Forget")}
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

/** Where one sees what a job makes: the room of its dataset, its run, its song. */
const rooms: Readonly<Record<string, (made: string) => string>> = {
  train: (path) => linkTo("run", { path }),
  scan: (path) => linkTo("dataset", { path }),
  check: (path) => linkTo("dataset", { path }),
  analyze: (path) => linkTo("dataset", { path }),
  label: (path) => linkTo("dataset", { path }),
  transcribe: (path) => linkTo("dataset", { path }),
  caption: (path) => linkTo("dataset", { path }),
  preprocess: (tensors) => linkTo("train", { tensors }),
  generate: () => linkTo("generate"),
  export: () => linkTo("export"),
};

function Made({ job: { title, kind, makes } }: { job: Job }): JSX.Element {
  const room = makes === undefined ? undefined : rooms[kind]?.(makes);
  return room === undefined ? <>{title}</> : <a href={room}>{title}</a>;
}

const kinds: Readonly<Record<JobStatus, BadgeKind>> = {
  waiting: "plain",
  running: "busy",
  done: "good",
  failed: "bad",
  stopped: "plain",
};

export function JobState({ status }: { status: JobStatus }): JSX.Element {
  const words: Readonly<Record<JobStatus, string>> = {
    waiting: t("waiting"),
    running: t("running"),
    done: t("done"),
    failed: t("failed"),
    stopped: t("stopped"),
  };
  return <Badge kind={kinds[status]}>{words[status]}</Badge>;
}
