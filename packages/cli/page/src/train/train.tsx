import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { WorkspaceView } from "../../../src/studio/api.js";
import type { TrainCheck, TrainForm, TrainPlan } from "../../../src/studio/train-api.js";
import { changedCount, setAllBack, withTexts, type FormState } from "../form/form-state.js";
import { SettingFields, SettingGroup } from "../form/setting-group.js";
import { Card, Failure, Loading } from "../parts/parts.js";
import { get } from "../tools/api.js";
import { useAnswer } from "../tools/use-answer.js";
import { usePost } from "../tools/use-post.js";
import { t } from "../words/words.js";
import { AdapterKinds, kindPath } from "./adapter-kinds.js";
import { useBasis } from "./basis.js";
import { beginDraft, choicesOf, leaveDraft, type TrainDraft } from "./draft.js";
import { Places } from "./places.js";
import { PlanCard } from "./plan-card.js";
import { StartCard } from "./start-card.js";

/** A training is thought out and begun. */
export function Train({ words }: { words: Readonly<Record<string, string>> }): JSX.Element {
  const workspace = useAnswer<WorkspaceView>("workspace", {}, 5000);
  const form = useAnswer<TrainForm>("train/form");
  const [saved, setSaved] = useState<TrainForm>();
  const known = saved ?? form.answer;
  if (workspace.answer === undefined || known === undefined) {
    const error = workspace.error ?? form.error;
    return error === undefined ? <Loading /> : <Failure error={error} />;
  }
  return (
    <TrainDesk
      key={JSON.stringify(words)}
      words={words}
      workspace={workspace.answer}
      form={known}
      onForm={setSaved}
    />
  );
}

interface DeskProps {
  readonly words: Readonly<Record<string, string>>;
  readonly workspace: WorkspaceView;
  readonly form: TrainForm;
  readonly onForm: (form: TrainForm) => void;
}

function TrainDesk({ words, workspace, form, onForm }: DeskProps): JSX.Element {
  const [draft, setDraft] = useState(() => beginDraft(words));
  const [round, setRound] = useState(0);
  const [measured, setMeasured] = useState("");
  const fields = useMemo(() => form.groups.flatMap((group) => group.fields), [form]);
  useEffect(() => {
    leaveDraft(words, draft);
  }, [draft]);
  const found = useBasis(draft, fields, setDraft, round);
  useDefaults(draft, workspace, found.basis !== undefined || found.error !== undefined, setDraft);

  const choices = choicesOf(draft);
  const check = usePost<TrainCheck>("train/check", choices, 250);
  const problems = check.answer?.problems ?? [];
  const wanted = { ...choices, output: "", preset: "" };
  const isMeasuring = measured === JSON.stringify(wanted);
  const missing = missingFor(draft, problems.length > 0);
  const plan = usePost<TrainPlan>(
    "train/plan",
    missing === undefined ? { ...wanted, measure: isMeasuring } : undefined,
    600,
  );
  const setForm = (change: (before: FormState) => FormState): void => {
    setDraft((before) => ({ ...before, form: change(before.form) }));
  };
  const shared = { fields, state: draft.form, problems, resolved: plan.answer?.resolved, onState: setForm };
  const basic = form.groups.flatMap((group) =>
    group.fields.filter(({ path }) => group.basic.includes(path) && path !== kindPath),
  );
  const changed = changedCount(fields, draft.form, fields);
  return (
    <>
      <h1>{t("Train")}</h1>
      <div class="desk">
        <div class="desk-part">
          {" "}
          <Places
            draft={draft}
            workspace={workspace}
            form={form}
            found={found}
            onDraft={setDraft}
            onAgain={() => {
              setRound((before) => before + 1);
            }}
          />
          <Card
            title={t("Settings")}
            actions={
              changed > 0 && (
                <button
                  type="button"
                  onClick={() => {
                    setForm(setAllBack);
                  }}
                >
                  {t("Set all back ({count} changed)", { count: changed })}
                </button>
              )
            }
          >
            <AdapterKinds fields={fields} state={draft.form} onState={setForm} />
            <SettingFields {...shared} shown={basic} />
            {form.groups.map((group) => (
              <SettingGroup key={group.name} group={group} {...shared} />
            ))}
            <Failure error={check.error} />
          </Card>
        </div>
        <div class="desk-part desk-side">
          {" "}
          <PlanCard
            posted={plan}
            missing={missing}
            isMeasuring={isMeasuring && plan.isOld}
            onMeasure={() => {
              setMeasured(JSON.stringify(wanted));
            }}
            onCure={(settings) => {
              setForm((before) => withTexts(before, settings));
            }}
          />
          <StartCard
            draft={draft}
            line={check.answer?.line ?? ""}
            missing={missing ?? (draft.output.trim() === "" ? t("Name the run's folder first.") : undefined)}
            plan={plan.isOld ? undefined : plan.answer}
            onDraft={setDraft}
            onForm={onForm}
          />
        </div>
      </div>{" "}
    </>
  );
}

function missingFor({ tensors, model }: TrainDraft, isWrong: boolean): string | undefined {
  if (tensors === "") return t("Choose the songs first.");
  if (model === "") return t("Choose a model first.");
  return isWrong ? t("Correct the settings that are marked.") : undefined;
}

/** What there is but one of is chosen; the run gets a name that is free. */
function useDefaults(
  { tensors, model, output, isOutputOwn, beginning }: TrainDraft,
  workspace: WorkspaceView,
  isBegun: boolean,
  onDraft: (change: (before: TrainDraft) => TrainDraft) => void,
): void {
  const isReady = beginning.from !== "run" || isBegun;
  const first = { tensors: workspace.tensors[0]?.path ?? "", model: workspace.models[0]?.path ?? "" };
  useEffect(() => {
    if (!isReady) return;
    onDraft((before) => ({
      ...before,
      tensors: before.tensors === "" ? first.tensors : before.tensors,
      model: before.model === "" ? first.model : before.model,
    }));
  }, [isReady, tensors, model, first.tensors, first.model]);
  useEffect(() => {
    if (tensors === "" || isOutputOwn) return undefined;
    const over = new AbortController();
    get<{ output: string }>("train/name", { tensors }, over.signal).then(
      ({ output: free }) => {
        onDraft((before) => (before.isOutputOwn ? before : { ...before, output: free }));
      },
      () => {
        // Without a proposal the field stays empty, and the start says what it needs.
      },
    );
    return () => {
      over.abort();
    };
  }, [tensors, isOutputOwn, output === ""]);
}
