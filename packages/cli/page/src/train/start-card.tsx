import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { TrainForm, TrainPlan, TrainStarted } from "../../../src/studio/train-api.js";
import { CommandLine } from "../parts/command-line.js";
import { Card, Failure } from "../parts/parts.js";
import { post } from "../tools/api.js";
import { goTo } from "../tools/place.js";
import { t } from "../words/words.js";
import { choicesOf, startedDraft, type TrainDraft } from "./draft.js";
import { SavePreset } from "./save-preset.js";

interface StartCardProps {
  readonly draft: TrainDraft;
  readonly line: string;
  /** Why it cannot be begun yet. */
  readonly missing: string | undefined;
  readonly plan: TrainPlan | undefined;
  readonly onDraft: (change: (before: TrainDraft) => TrainDraft) => void;
  readonly onForm: (form: TrainForm) => void;
}

/** The same as a command line, the settings as a preset, and the start. */
export function StartCard({ draft, line, missing, plan, onDraft, onForm }: StartCardProps): JSX.Element {
  const [error, setError] = useState<Error>();
  const [isSending, setSending] = useState(false);
  const isTooLarge = plan?.plan.recompute.verdict === "red" && !plan.busy;
  const start = (): void => {
    setSending(true);
    setError(undefined);
    const body = { ...choicesOf(draft), allowTooLarge: isTooLarge && draft.allowTooLarge };
    post<TrainStarted>("train/start", body).then(
      (started) => {
        setSending(false);
        onDraft(startedDraft);
        // Its room says so where it waits for another job.
        goTo("run", { path: started.run });
      },
      (reason: unknown) => {
        setSending(false);
        setError(reason instanceof Error ? reason : new Error(String(reason)));
      },
    );
  };
  return (
    <Card title={t("Begin")}>
      {line !== "" && <CommandLine line={line} />}
      <SavePreset settings={draft.form.settings} onForm={onForm} />
      {missing !== undefined && <p class="nothing">{missing}</p>}
      {isTooLarge && (
        <label>
          <input
            type="checkbox"
            checked={draft.allowTooLarge}
            onChange={({ currentTarget }) => {
              const allowTooLarge = currentTarget.checked;
              onDraft((before) => ({ ...before, allowTooLarge }));
            }}
          />{" "}
          {t("Begin although the memory does not suffice")}
        </label>
      )}
      <Failure error={error} />
      <div class="actions">
        <button
          type="button"
          class="primary"
          disabled={isSending || missing !== undefined || (isTooLarge && !draft.allowTooLarge)}
          onClick={start}
        >
          {t("Begin the training")}
        </button>
      </div>
    </Card>
  );
}
