import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { WorkspaceView } from "../../../src/studio/api.js";
import type { SongBasis, SongCheck, SongsForm } from "../../../src/studio/songs-api.js";
import type { FormState } from "../form/form-state.js";
import { SettingFields, SettingGroup } from "../form/setting-group.js";
import { CommandLine } from "../parts/command-line.js";
import { Choice } from "../form/choice.js";
import { Card, Failure, Loading } from "../parts/parts.js";
import { get, post } from "../tools/api.js";
import { linkTo } from "../tools/place.js";
import { useAnswer } from "../tools/use-answer.js";
import { usePost } from "../tools/use-post.js";
import { t } from "../words/words.js";
import { Adapters } from "./adapters.js";
import { beginSong, isSeveral, leaveSong, ofRun, songChoices, type SongDraft } from "./draft.js";
import { MadeSongs } from "./made-songs.js";

/** Songs are made and heard. */
export function Generate({ words }: { words: Readonly<Record<string, string>> }): JSX.Element {
  const workspace = useAnswer<WorkspaceView>("workspace", {}, 5000);
  const form = useAnswer<SongsForm>("generate/form", {}, 5000);
  if (workspace.answer === undefined || form.answer === undefined) {
    const error = workspace.error ?? form.error;
    return error === undefined ? <Loading /> : <Failure error={error} />;
  }
  const run = words["run"] ?? "";
  return (
    <>
      <h1>{t("Listen")}</h1>
      <div class="desk">
        <SongDesk key={run} run={run} workspace={workspace.answer} form={form.answer} />
        <div class="desk-part">
          <MadeSongs />
          <p class="quiet">
            {t("For another program:")}{" "}
            <a href={linkTo("export", run === "" ? {} : { run })}>{t("export an adapter")}</a>
          </p>
        </div>
      </div>
    </>
  );
}

interface DeskProps {
  readonly run: string;
  readonly workspace: WorkspaceView;
  readonly form: SongsForm;
}

function SongDesk({ run, workspace, form }: DeskProps): JSX.Element {
  const [begun] = useState(() => beginSong(run));
  const [draft, setDraft] = useState(begun.draft);
  const [error, setError] = useState<Error>();
  useEffect(() => {
    leaveSong(run, draft);
  }, [draft]);
  const isBegun = useRunBasis(begun.isNew ? run : "", setDraft, setError);
  const fields = form.groups.flatMap((group) => group.fields);
  const basic = form.groups.flatMap((group) => group.fields.filter(({ path }) => group.basic.includes(path)));
  const [round, setRound] = useState(0);
  useFreeName(draft, setDraft, round);
  useEffect(() => {
    const [first] = workspace.models;
    if (first !== undefined && isBegun)
      setDraft((before) => (before.model === "" ? { ...before, model: first.path } : before));
  }, [workspace.models[0]?.path, isBegun]);

  const choices = songChoices(draft);
  const check = usePost<SongCheck>("generate/check", choices, 250);
  const problems = check.answer?.problems ?? [];
  const hasCaption = (draft.form.settings["caption"] ?? "").trim() !== "";
  // What was not touched yet is missing, not wrong.
  const shownProblems = problems.filter(({ path }) => path !== "caption" || hasCaption);
  const setForm = (change: (before: FormState) => FormState): void => {
    setDraft((before) => ({ ...before, form: change(before.form) }));
  };
  const start = (): void => {
    post("generate/start", choices).then(
      () => {
        setError(undefined);
        setDraft((before) => ({ ...before, output: "", isOutputOwn: false }));
        setRound((before) => before + 1);
      },
      (reason: unknown) => {
        setError(reason instanceof Error ? reason : new Error(String(reason)));
      },
    );
  };
  const shared = { fields, state: draft.form, problems: shownProblems, onState: setForm };
  const outputProblem = shownProblems.find(({ path }) => path === "output" && draft.isOutputOwn)?.text;
  return (
    <Card title={t("A song")}>
      <div class="settings">
        <Choice
          id="song-model"
          label={t("Model")}
          value={draft.model}
          choices={workspace.models.map(({ path, variant }) => ({
            value: path,
            label: `${path.split(/[\\/]/).at(-1) ?? path} (${variant})`,
          }))}
          onValue={(model) => {
            setDraft((before) => ({ ...before, model }));
          }}
        />
        <div class="setting">
          <label for="song-output">
            {isSeveral(draft) ? t("Folder of the songs") : t("File of the song")}
          </label>
          <input
            id="song-output"
            type="text"
            spellcheck={false}
            value={draft.output}
            aria-invalid={outputProblem !== undefined}
            onInput={({ currentTarget }) => {
              const output = currentTarget.value;
              setDraft((before) => ({ ...before, output, isOutputOwn: output.trim() !== "" }));
            }}
          />
          {outputProblem !== undefined && (
            <p class="bad" role="alert">
              {outputProblem}
            </p>
          )}
        </div>
      </div>
      <Adapters
        chosen={draft.adapters}
        found={form.adapters}
        problems={problems}
        onChosen={(adapters) => {
          setDraft((before) => ({ ...before, adapters }));
        }}
      />
      <SettingFields {...shared} shown={basic} />
      <p class="quiet">{t("Several seeds with commas between them make a song each.")}</p>
      {form.groups.map((group) => (
        <SettingGroup key={group.name} group={group} {...shared} />
      ))}
      {check.answer !== undefined && check.answer.line !== "" && <CommandLine line={check.answer.line} />}
      <Failure error={error ?? check.error} />
      <div class="actions">
        <button
          type="button"
          class="primary"
          disabled={check.isOld || check.error !== undefined || problems.length > 0}
          onClick={start}
        >
          {t("Make it")}
        </button>
        {!hasCaption && <span class="quiet">{t("Say in the caption what to play.")}</span>}
      </div>
    </Card>
  );
}

/** Takes what a run's song begins with; whether that is done, or there is nothing to take. */
function useRunBasis(
  run: string,
  onDraft: (change: (before: SongDraft) => SongDraft) => void,
  onError: (error: Error) => void,
): boolean {
  const [isDone, setDone] = useState(run === "");
  useEffect(() => {
    if (run === "") return undefined;
    const over = new AbortController();
    get<SongBasis>("generate/basis", { run }, over.signal)
      .then(
        (basis) => {
          onDraft((before) => ofRun(before, basis));
        },
        (reason: unknown) => {
          if (!over.signal.aborted) onError(reason instanceof Error ? reason : new Error(String(reason)));
        },
      )
      .finally(() => {
        if (!over.signal.aborted) setDone(true);
      });
    return () => {
      over.abort();
    };
  }, [run]);
  return isDone;
}

/** A free name for the file, or the folder where there are several songs. */
function useFreeName(
  draft: SongDraft,
  onDraft: (change: (before: SongDraft) => SongDraft) => void,
  round: number,
): void {
  const several = isSeveral(draft);
  useEffect(() => {
    if (draft.isOutputOwn) return undefined;
    const over = new AbortController();
    get<{ output: string }>("generate/name", { several: several ? "yes" : "no" }, over.signal).then(
      ({ output }) => {
        onDraft((before) => (before.isOutputOwn ? before : { ...before, output }));
      },
      () => {
        // Without a proposal the field stays empty, and the check says what it needs.
      },
    );
    return () => {
      over.abort();
    };
  }, [several, draft.isOutputOwn, round]);
}
