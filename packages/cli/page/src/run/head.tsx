import type { LoggedEvent } from "@acewright/trainer";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Job, RunRow } from "../../../src/studio/api.js";
import { Card, Failure } from "../parts/parts.js";
import { post } from "../tools/api.js";
import { formatBytes, formatNumber, formatTime } from "../tools/format.js";
import { linkTo } from "../tools/place.js";
import { useAnswer } from "../tools/use-answer.js";
import { t } from "../words/words.js";
import { progressOf } from "./progress.js";

/** How far a run is, and what can be done with it. */
export function Head({ run, events }: { run: RunRow; events: readonly LoggedEvent[] }): JSX.Element {
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
