import type { LoggedEvent } from "@acewright/trainer";
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Job, RunRow, WorkspaceView } from "../../../src/studio/api.js";
import { RunState } from "../home/home.js";
import { JobState } from "../jobs/jobs.js";
import { Chart } from "../parts/chart.js";
import { Card, Failure, Loading } from "../parts/parts.js";
import { post } from "../tools/api.js";
import { formatBytes, formatNumber, formatTime } from "../tools/format.js";
import { linkTo } from "../tools/place.js";
import { useAnswer } from "../tools/use-answer.js";
import { t } from "../words/words.js";
import { aligned, curvesOf, smoothed, type Curve } from "./curves.js";
import { Insides } from "./insides.js";
import { useRun } from "./known-run.js";
import { progressOf } from "./progress.js";
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

function Head({ run, events }: { run: RunRow; events: readonly LoggedEvent[] }): JSX.Element {
  const isRunning = run.status === "running";
  const { step, steps, epoch, epochs, secondsPerStep, etaS, memory, device } = progressOf(events, isRunning);
  const figures: readonly (readonly [string, string | undefined])[] = [
    [t("Step"), steps === undefined ? String(step) : `${step} / ${steps}`],
    [t("Epoch"), epoch === undefined ? undefined : `${epoch} / ${epochs ?? "?"}`],
    [t("Loss"), run.lastLoss === undefined ? undefined : formatNumber(run.lastLoss)],
    [
      t("Best"),
      run.best === undefined
        ? undefined
        : t("{loss} at step {step}", { loss: formatNumber(run.best.loss), step: run.best.step }),
    ],
    [
      t("Time a step"),
      secondsPerStep === undefined ? undefined : t("{s} s", { s: formatNumber(secondsPerStep) }),
    ],
    [t("Time left"), etaS === undefined ? undefined : formatTime(etaS)],
    [t("Trained for"), formatTime(run.tookS)],
    [
      t("Memory planned"),
      memory === undefined ? undefined : `${formatBytes(memory.used)} / ${formatBytes(memory.of)}`,
    ],
    [t("Device"), device],
  ];
  return (
    <Card title={t("Progress")} actions={<RunActions run={run} />}>
      {steps !== undefined && (
        <progress max={steps} value={step} aria-label={t("Progress")}>
          {step} / {steps}
        </progress>
      )}
      <dl class="figures" aria-live="off">
        {figures.map(([name, value]) =>
          value === undefined ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
        )}
      </dl>
    </Card>
  );
}

/** Stop what this studio started, go on with what was stopped, and what one does with a trained adapter. */
function RunActions({ run }: { run: RunRow }): JSX.Element {
  const jobs = useAnswer<readonly Job[]>("jobs", {}, 2000);
  const [refused, setRefused] = useState<Error>();
  const own = jobs.answer?.find(
    ({ status, makes }) => makes === run.path && (status === "running" || status === "waiting"),
  );
  const ask = (address: string, body?: unknown): void => {
    post(address, body).then(
      () => {
        setRefused(undefined);
        jobs.again();
      },
      (reason: unknown) => {
        setRefused(reason instanceof Error ? reason : new Error(String(reason)));
      },
    );
  };
  return (
    <>
      <Failure error={refused} />
      {own !== undefined && (
        <button
          type="button"
          onClick={() => {
            ask(`jobs/${own.id}/stop`);
          }}
        >
          {t("Stop and save")}
        </button>
      )}
      {own === undefined && (run.status === "interrupted" || run.status === "stopped") && (
        <button
          type="button"
          class="primary"
          onClick={() => {
            ask("train/resume", { path: run.path });
          }}
        >
          {t("Go on")}
        </button>
      )}
      {(run.final || run.checkpoints.length > 0) && (
        <a href={linkTo("generate", { run: run.path })}>{t("Make a song")}</a>
      )}
      <a href={linkTo("train", { run: run.path })}>{t("Train like this")}</a>
    </>
  );
}

/** The training loss as it is and smoothed, the validation, and another run beside it. */
function LossCard({ events, path }: { events: readonly LoggedEvent[]; path: string }): JSX.Element {
  const [smoothing, setSmoothing] = useState(0.95);
  const [logarithmic, setLogarithmic] = useState(false);
  const [beside, setBeside] = useState("");
  const workspace = useAnswer<WorkspaceView>("workspace");
  const others = (workspace.answer?.runs ?? []).filter((run) => run.path !== path);
  const { loss, validation } = useMemo(() => curvesOf(events), [events]);
  const other = useOther(beside);
  const curves = useMemo(
    () => [
      loss,
      smoothed(loss, smoothing),
      validation,
      ...(other === undefined ? [] : [smoothed(other, smoothing)]),
    ],
    [loss, validation, smoothing, other],
  );
  const data = useMemo(() => aligned(curves), [curves]);
  return (
    <Card
      title={t("Loss")}
      actions={
        <>
          <label>
            {t("Smoothing")}{" "}
            <input
              type="range"
              min="0"
              max="0.99"
              step="0.01"
              value={smoothing}
              onInput={({ currentTarget }) => {
                setSmoothing(Number(currentTarget.value));
              }}
            />
          </label>
          <label>
            <input
              type="checkbox"
              checked={logarithmic}
              onChange={({ currentTarget }) => {
                setLogarithmic(currentTarget.checked);
              }}
            />{" "}
            {t("logarithmic")}
          </label>
          <label>
            {t("Beside")}{" "}
            <select
              value={beside}
              onChange={({ currentTarget }) => {
                setBeside(currentTarget.value);
              }}
            >
              <option value="">{t("no other run")}</option>
              {others.map((run) => (
                <option key={run.path} value={run.path}>
                  {run.path}
                </option>
              ))}
            </select>
          </label>
        </>
      }
    >
      <Chart
        title={t("Loss by step")}
        logarithmic={logarithmic}
        lines={[
          { label: t("loss"), color: "--faint", width: 1 },
          { label: t("smoothed"), color: "--accent", width: 2 },
          { label: t("validation"), color: "--good", points: true },
          ...(other === undefined ? [] : [{ label: beside, color: "--busy", width: 2 }]),
        ]}
        data={data}
      />
      <p class="quiet">{t("Drag over the chart to look closer, double click to see all again.")}</p>
    </Card>
  );
}

function useOther(path: string): Curve | undefined {
  const { log } = useRun(path);
  return useMemo(
    () => (path === "" || log.events.length === 0 ? undefined : curvesOf(log.events).loss),
    [log, path],
  );
}

function OtherCurves({ events }: { events: readonly LoggedEvent[] }): JSX.Element {
  const { learningRate, gradNorm } = useMemo(() => curvesOf(events), [events]);
  const rate = useMemo(() => aligned([learningRate]), [learningRate]);
  const norm = useMemo(() => aligned([gradNorm]), [gradNorm]);
  return (
    <div class="side-by-side">
      <Card title={t("Learning rate")}>
        <Chart
          title={t("Learning rate by step")}
          height={180}
          lines={[{ label: t("learning rate"), color: "--accent" }]}
          data={rate}
        />
      </Card>
      <Card title={t("Gradient norm")}>
        <Chart
          title={t("Gradient norm by step")}
          height={180}
          logarithmic
          lines={[{ label: t("grad norm"), color: "--accent" }]}
          data={norm}
        />
      </Card>
    </div>
  );
}
