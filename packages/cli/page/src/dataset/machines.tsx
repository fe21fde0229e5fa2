import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type {
  AnnotationPreview,
  DatasetFields,
  FieldView,
  LanguageModels,
} from "../../../src/studio/dataset-api.js";
import type { Job, WorkspaceView } from "../../../src/studio/api.js";
import { post } from "../tools/api.js";
import { formatBytes } from "../tools/format.js";
import { useAnswer } from "../tools/use-answer.js";
import { t } from "../words/words.js";
import { PathField, StartJob } from "./start-job.js";

/** Songs described by the 5 Hz language model. */
export function LabelForm(props: {
  path: string;
  fields: DatasetFields;
  onJob: (started: Job) => void;
}): JSX.Element {
  const { path, fields, onJob } = props;
  const workspace = useAnswer<WorkspaceView>("workspace");
  const known = useAnswer<LanguageModels>("dataset/language-models");
  const [typed, setTyped] = useState<{ model?: string; lm?: string }>({});
  const models = (workspace.answer?.models ?? []).map((found) => found.path);
  const model = typed.model ?? models[0] ?? "";
  const lm = typed.lm ?? known.answer?.paths[0] ?? "";
  return (
    <StartJob
      address="dataset/label"
      body={model === "" || lm === "" ? undefined : { path, model, lm }}
      fields={fields.label}
      button={t("Describe the songs")}
      onStarted={onJob}
    >
      <PathField
        id="label-lm"
        name={t("Language model")}
        help={t("Its folder: acestep-5Hz-lm-0.6B, -1.7B or -4B, as `acewright models download` brings it.")}
        value={lm}
        known={known.answer?.paths ?? []}
        onValue={(value) => {
          setTyped((before) => ({ ...before, lm: value }));
        }}
      />
      <PathField
        id="label-model"
        name={t("Model")}
        help={t(
          "The checkpoint whose autoencoder and tokenizer turn songs into what the language model reads.",
        )}
        value={model}
        known={models}
        onValue={(value) => {
          setTyped((before) => ({ ...before, model: value }));
        }}
      />
    </StartJob>
  );
}

/** Lyrics or captions by a service. What leaves the machine is shown before anything does. */
export function AnnotationForm(props: {
  task: "transcribe" | "caption";
  path: string;
  fields: readonly FieldView[];
  onJob: (started: Job) => void;
}): JSX.Element {
  const { task, path, fields, onJob } = props;
  return (
    <>
      <p class="quiet">
        {t(
          "Songs are sent to the service you choose, which may charge for it. Its key is read from the environment the studio was started in; a server of your own needs its address alone.",
        )}
      </p>
      <StartJob
        address={`dataset/${task}`}
        body={{ path }}
        fields={fields}
        button={t("Send the songs")}
        look={async (settings) => (
          <Preview preview={await post<AnnotationPreview>(`dataset/${task}/preview`, { path, settings })} />
        )}
        onStarted={onJob}
      />
    </>
  );
}

function Preview({ preview }: { preview: AnnotationPreview }): JSX.Element {
  const { provider, estimate, warnings } = preview;
  const { asked, songs, calls, audioMinutes, audioBytes } = estimate;
  return (
    <>
      <p>
        {t("{asked} of {songs} songs, in at least {calls} calls to {origin} ({model}).", {
          asked,
          songs,
          calls,
          origin: provider.origin,
          model: provider.model,
        })}{" "}
        {audioBytes === 0
          ? t("No audio is sent.")
          : t("{minutes} minutes of audio are sent ({bytes}).", {
              minutes: Math.ceil(audioMinutes),
              bytes: formatBytes(audioBytes),
            })}
      </p>
      {warnings.map((line) => (
        <p key={line} class="warning">
          {line}
        </p>
      ))}
    </>
  );
}
