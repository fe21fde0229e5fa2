import type { LoggedEvent } from "@acewright/trainer";
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { WorkspaceView } from "../../../src/studio/api.js";
import { Chart } from "../parts/chart.js";
import { Card } from "../parts/parts.js";
import { useAnswer } from "../tools/use-answer.js";
import { t } from "../words/words.js";
import { aligned, curvesOf, smoothed, type Curve } from "./curves.js";
import { useRun } from "./known-run.js";

/** The training loss as it is and smoothed, the validation, and another run beside it. */
export function LossCard({ events, path }: { events: readonly LoggedEvent[]; path: string }): JSX.Element {
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

export function OtherCurves({ events }: { events: readonly LoggedEvent[] }): JSX.Element {
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
