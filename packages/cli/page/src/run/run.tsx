import type { JSX } from "preact";
import type { Job } from "../../../src/studio/api.js";
import { RunState } from "../home/home.js";
import { JobState } from "../jobs/jobs.js";
import { Card, Failure, Loading } from "../parts/parts.js";
import { useAnswer } from "../tools/use-answer.js";
import { t } from "../words/words.js";
import { LossCard, OtherCurves } from "./curve-cards.js";
import { Head } from "./head.js";
import { Insides } from "./insides.js";
import { useRun } from "./known-run.js";
import { RunLog } from "./run-log.js";
import { Samples } from "./samples.js";

/** One run, while it trains and afterwards. */
export function Run({ words }: { words: Readonly<Record<string, string>> }): JSX.Element {
  const path = words["path"] ?? "";
  const { run, log, error } = useRun(path);
  if (run === undefined) return error === undefined ? <Loading /> : <NotYet path={path} error={error} />;
  const { events } = log;
  return (
    <>
      <h1>
        {run.path} <RunState status={run.status} />
      </h1>
      <Failure error={error} />
      <Head run={run} events={events} />
      <LossCard events={events} path={path} />
      <Samples events={events} />
      <OtherCurves events={events} />
      <Insides events={events} />
      <RunLog events={events} />
    </>
  );
}

/** A run that was asked for and has no folder yet: it waits, reads the model, or was refused. */
function NotYet({ path, error }: { path: string; error: Error }): JSX.Element {
  const { answer } = useAnswer<readonly Job[]>("jobs", {}, 1000);
  const job = answer?.find(({ makes }) => makes === path);
  if (job === undefined) return <Failure error={error} />;
  return (
    <Card title={job.title}>
      <p>
        <JobState status={job.status} />{" "}
        {job.status === "waiting" && t("It begins when the jobs before it are done.")}
        {job.status === "running" && t("Its first figures come when the model is read.")}
      </p>
      {job.error !== undefined && <Failure error={new Error(job.error)} />}
      <code class="quiet">{job.line}</code>
    </Card>
  );
}
