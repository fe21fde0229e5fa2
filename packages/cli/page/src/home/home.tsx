import type { JSX } from "preact";
import type { RunRow, WorkspaceView } from "../../../src/studio/api.js";
import { Badge, Card, Failure, Loading, Nothing, type BadgeKind } from "../parts/parts.js";
import { formatMoment, formatNumber } from "../tools/format.js";
import { linkTo } from "../tools/place.js";
import { useAnswer } from "../tools/use-answer.js";
import { t } from "../words/words.js";

/** What lies in the folder the studio was started for, and what can be done with it. */
export function Home(): JSX.Element {
  const { answer, error } = useAnswer<WorkspaceView>("workspace", {}, 5000);
  if (answer === undefined) return error === undefined ? <Loading /> : <Failure error={error} />;
  return (
    <>
      <h1 title={answer.folder}>{answer.folder.split(/[\\/]/).at(-1)}</h1>
      <Failure error={error} />
      <Card
        title={t("Datasets")}
        actions={<a href={linkTo("dataset")}>{t("Make a dataset of a folder of songs")}</a>}
      >
        {answer.datasets.length === 0 ? (
          <Nothing>{t("No dataset yet: a scan makes one of a folder of songs.")}</Nothing>
        ) : (
          <table>
            <thead>
              <tr>
                <th>{t("Dataset")}</th>
                <th>{t("File")}</th>
                <th class="number">{t("Songs")}</th>
              </tr>
            </thead>
            <tbody>
              {answer.datasets.map(({ path, name, songs }) => (
                <tr key={path}>
                  <td>
                    <a href={linkTo("dataset", { path })}>{name}</a>
                  </td>
                  <td class="quiet">{path}</td>
                  <td class="number">{songs}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Card>
      <Card title={t("Tensors")}>
        {answer.tensors.length === 0 ? (
          <Nothing>
            {t("None yet: preprocessing makes them of a dataset, once; training reads nothing else.")}
          </Nothing>
        ) : (
          <table>
            <thead>
              <tr>
                <th>{t("Folder")}</th>
                <th class="number">{t("Songs")}</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {answer.tensors.map(({ path, songs }) => (
                <tr key={path}>
                  <td>{path}</td>
                  <td class="number">{songs}</td>
                  <td>
                    <a href={linkTo("train", { tensors: path })}>{t("Train on them")}</a>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {answer.models.length === 0 && (
          <p class="warning">
            {t("There is no model to train: close the studio, run {command}, and open it again.", {
              command: "acewright models download",
            })}
          </p>
        )}
      </Card>
      <Card title={t("Runs")}>
        {answer.runs.length === 0 ? (
          <Nothing>{t("No run yet: train an adapter on tensors.")}</Nothing>
        ) : (
          <RunTable runs={answer.runs} />
        )}
      </Card>
      {answer.unreadable.map((line) => (
        <p key={line} class="warning">
          {line}
        </p>
      ))}
    </>
  );
}

function RunTable({ runs }: { runs: readonly RunRow[] }): JSX.Element {
  return (
    <table>
      <thead>
        <tr>
          <th>{t("Run")}</th>
          <th>{t("State")}</th>
          <th>{t("Adapter")}</th>
          <th class="number">{t("Step")}</th>
          <th class="number">{t("Loss")}</th>
          <th>{t("Started")}</th>
        </tr>
      </thead>
      <tbody>
        {runs.map(({ path, status, adapter, step, steps, lastLoss, startedAt }) => (
          <tr key={path}>
            <td>
              <a href={linkTo("run", { path })}>{path}</a>
            </td>
            <td>
              <RunState status={status} />
            </td>
            <td>{adapter}</td>
            <td class="number">{steps === undefined ? step : `${step} / ${steps}`}</td>
            <td class="number">{lastLoss === undefined ? "" : formatNumber(lastLoss)}</td>
            <td>{formatMoment(startedAt)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const kinds: Readonly<Record<RunRow["status"], BadgeKind>> = {
  running: "busy",
  finished: "good",
  interrupted: "plain",
  stopped: "bad",
};

export function RunState({ status }: { status: RunRow["status"] }): JSX.Element {
  const words: Readonly<Record<RunRow["status"], string>> = {
    running: t("running"),
    finished: t("finished"),
    interrupted: t("interrupted"),
    stopped: t("ended without a word"),
  };
  return <Badge kind={kinds[status]}>{words[status]}</Badge>;
}
