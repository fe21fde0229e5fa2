import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { DatasetFields, FreeName } from "../../../src/studio/dataset-api.js";
import type { WorkspaceView } from "../../../src/studio/api.js";
import { Card, Failure, Loading, Nothing } from "../parts/parts.js";
import { goTo, linkTo } from "../tools/place.js";
import { useAnswer } from "../tools/use-answer.js";
import { t } from "../words/words.js";
import { PathField, StartJob } from "./start-job.js";

/** The room without a dataset: those there are, and how one is made. */
export function Datasets({ folder }: { folder: string | undefined }): JSX.Element {
  const { answer, error } = useAnswer<WorkspaceView>("workspace", {}, 5000);
  if (answer === undefined) return error === undefined ? <Loading /> : <Failure error={error} />;
  return (
    <>
      <h1>{t("Songs")}</h1>
      <Failure error={error} />
      <Card title={t("Datasets")}>
        {answer.datasets.length === 0 && (
          <Nothing>{t("No dataset yet: make one of a folder of songs.")}</Nothing>
        )}
        {answer.datasets.map(({ path, name, songs }) => (
          <p key={path} class="line">
            <a href={linkTo("dataset", { path })}>{path}</a>{" "}
            <span class="quiet">{t("{name}, {count} songs", { name, count: songs })}</span>
          </p>
        ))}
      </Card>
      <ScanCard workspace={answer} folder={folder} />
    </>
  );
}

function ScanCard(props: { workspace: WorkspaceView; folder: string | undefined }): JSX.Element {
  const { workspace, folder } = props;
  const fields = useAnswer<DatasetFields>("dataset/fields");
  const [typed, setTyped] = useState<{ folder?: string; output?: string }>({});
  const songs = typed.folder ?? folder ?? workspace.songFolders[0]?.path ?? "";
  const free = useAnswer<FreeName>("dataset/dataset-name", { path: songs });
  const output = typed.output ?? free.answer?.name ?? "";
  return (
    <Card title={t("Make a dataset of a folder of songs")}>
      <p class="quiet">
        {t(
          "Songs in folders below it count too. Captions, lyrics and tables beside the songs are read with them.",
        )}
      </p>
      <StartJob
        address="dataset/scan"
        body={songs === "" || output === "" ? undefined : { folder: songs, output }}
        fields={fields.answer?.scan ?? []}
        button={t("Scan")}
        onStarted={({ makes }) => {
          goTo("dataset", { path: makes ?? output });
        }}
      >
        <PathField
          id="scan-folder"
          name={t("Folder of songs")}
          help={t("In the studio's folder, or another it was allowed with --allow-root.")}
          value={songs}
          known={workspace.songFolders.map(({ path }) => path)}
          onValue={(value) => {
            setTyped((before) => ({ ...before, folder: value }));
          }}
        />
        <PathField
          id="scan-output"
          name={t("File to write")}
          help={t("What is there is never written over.")}
          value={output}
          known={[]}
          onValue={(value) => {
            setTyped((before) => ({ ...before, output: value }));
          }}
        />
      </StartJob>
      <Failure error={free.error ?? fields.error} />
    </Card>
  );
}
