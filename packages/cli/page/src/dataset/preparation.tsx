import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { DatasetFields, DatasetView, FreeName } from "../../../src/studio/dataset-api.js";
import type { Job, WorkspaceView } from "../../../src/studio/api.js";
import { formatMoment } from "../tools/format.js";
import { useAnswer } from "../tools/use-answer.js";
import { t } from "../words/words.js";
import { JobBar } from "../jobs/job-bar.js";
import { AnnotationForm, LabelForm } from "./machines.js";
import { PathField, StartJob } from "./start-job.js";

/** The way from songs to tensors: look them over, fill in what can be heard, make tensors. */
export function Preparation(props: {
  view: DatasetView;
  fields: DatasetFields;
  jobs: readonly Job[];
  onJob: (started?: Job) => void;
  /** What is prepared by hand. */
  children: ComponentChildren;
}): JSX.Element {
  const { view, fields, jobs, onJob, children } = props;
  const { path } = view;
  return (
    <section class="card" aria-label={t("Prepare")}>
      {jobs.map((job) => (
        <JobBar
          key={job.id}
          job={job}
          onChange={() => {
            onJob();
          }}
        />
      ))}
      <div class="ways">
        {children}
        <details name="ways">
          <summary>
            {t("Check the songs")}{" "}
            <span class="quiet">
              {view.soundCheckedAt === undefined
                ? t("the sound was not looked at yet")
                : t("sound looked at {when}", { when: formatMoment(view.soundCheckedAt) })}
            </span>
          </summary>
          <p class="quiet">
            {t(
              "Listens to every song for damage, silence, clipping, copies and the like. Findings then stand beside the songs.",
            )}
          </p>
          <CheckForm path={path} onJob={onJob} />
        </details>
        <details name="ways">
          <summary>{t("Fill in tempo, key and time signature")}</summary>
          <p class="quiet">
            {t(
              "Heard on this machine. Only empty fields are filled in, unless you say otherwise. What you write meanwhile stays.",
            )}
          </p>
          <StartJob
            address="dataset/analyze"
            body={{ path }}
            fields={fields.analyze}
            button={t("Listen and fill in")}
            onStarted={onJob}
          />
        </details>
        <details name="ways">
          <summary>{t("Describe with the language model")}</summary>
          <p class="quiet">
            {t(
              "Caption, genre, language and more by the 5 Hz language model, on this machine. While it works, nothing else can be saved in this dataset.",
            )}
          </p>
          <LabelForm path={path} fields={fields} onJob={onJob} />
        </details>
        <details name="ways">
          <summary>{t("Write down the lyrics by a service")}</summary>
          <AnnotationForm task="transcribe" path={path} fields={fields.transcribe} onJob={onJob} />
        </details>
        <details name="ways">
          <summary>{t("Caption by a service")}</summary>
          <AnnotationForm task="caption" path={path} fields={fields.caption} onJob={onJob} />
        </details>
        <details name="ways">
          <summary>{t("Make tensors to train on")}</summary>
          <PreprocessForm path={path} fields={fields} onJob={onJob} />
        </details>
      </div>
    </section>
  );
}

function CheckForm({ path, onJob }: { path: string; onJob: (started?: Job) => void }): JSX.Element {
  const [typed, setTyped] = useState<string>();
  const { answer } = useAnswer<WorkspaceView>("workspace");
  const model = typed ?? answer?.models[0]?.path ?? "";
  return (
    <StartJob
      address="dataset/check"
      body={{ path, model }}
      fields={[]}
      button={t("Check")}
      onStarted={onJob}
    >
      <PathField
        id="check-model"
        name={t("Model")}
        help={t(
          "Whose tokenizer tells which captions and lyrics are too long; empty: lengths are not checked.",
        )}
        value={model}
        known={(answer?.models ?? []).map((found) => found.path)}
        onValue={setTyped}
      />
    </StartJob>
  );
}

function PreprocessForm(props: {
  path: string;
  fields: DatasetFields;
  onJob: (started?: Job) => void;
}): JSX.Element {
  const { path, fields, onJob } = props;
  const { answer } = useAnswer<WorkspaceView>("workspace");
  const free = useAnswer<FreeName>("dataset/tensors-name", { path });
  const [typed, setTyped] = useState<{ output?: string; model?: string }>({});
  const models = answer?.models ?? [];
  const output = typed.output ?? free.answer?.name ?? "";
  const model = typed.model ?? models[0]?.path ?? "";
  const body = output === "" || model === "" ? undefined : { path, output, model };
  return (
    <StartJob
      address="dataset/preprocess"
      body={body}
      fields={fields.preprocess}
      button={t("Make tensors")}
      onStarted={(job) => {
        // The name is taken now; another set gets another.
        free.again();
        onJob(job);
      }}
    >
      <PathField
        id="preprocess-model"
        name={t("Model")}
        help={t("The checkpoint that will be trained.")}
        value={model}
        known={models.map((found) => found.path)}
        onValue={(value) => {
          setTyped((before) => ({ ...before, model: value }));
        }}
      />
      <PathField
        id="preprocess-output"
        name={t("Folder for the tensors")}
        help={t("In a folder that has some already, only what has changed is made again.")}
        value={output}
        known={(answer?.tensors ?? []).map((found) => found.path)}
        onValue={(value) => {
          setTyped((before) => ({ ...before, output: value }));
        }}
      />
    </StartJob>
  );
}
