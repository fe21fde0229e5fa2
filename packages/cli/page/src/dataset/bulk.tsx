import type { Change } from "@acewright/dataset";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { DatasetChanged, SongRow } from "../../../src/studio/dataset-api.js";
import { Card, Failure } from "../parts/parts.js";
import { t } from "../words/words.js";
import { actions, bulkEdit, type BulkAction, type BulkForm } from "./bulk-edit.js";
import type { Desk, DeskState } from "./desk.js";
import { textOf } from "./drafts.js";
import { Field } from "./field.js";
import { nameOf } from "./names.js";

/** More rows than a person reads. */
const mostRows = 200;

/** One change of many songs: shown first, then written. */
export function Bulk(props: {
  desk: Desk;
  state: DeskState;
  songs: readonly number[];
  onDone: () => void;
}): JSX.Element | null {
  const { desk, state, songs, onDone } = props;
  const [form, setForm] = useState<BulkForm>({ action: "set", field: "caption", value: "", find: "" });
  const [tried, setTried] = useState<DatasetChanged>();
  const [error, setError] = useState<Error>();
  const { fields, view } = state;
  const revision = view?.revision;
  // What was shown is what is written: another choice, or another file, is shown anew.
  useEffect(() => {
    setTried(undefined);
    setError(undefined);
  }, [form, songs, revision]);
  if (fields === undefined || view === undefined) return null;
  const edit = bulkEdit(form, songs, fields.song);
  const allowed =
    form.action === "replace" ? fields.song.filter(({ key }) => fields.texts.includes(key)) : fields.song;
  const field = allowed.find(({ key }) => key === form.field) ?? allowed[0];
  const change = (more: Partial<BulkForm>): void => {
    setForm((before) => ({ ...before, ...more }));
  };
  const ofTags = form.action === "addTag" || form.action === "removeTag";
  const actionNames: Readonly<Record<BulkAction, string>> = {
    set: t("Set a field"),
    clear: t("Empty a field"),
    replace: t("Replace text"),
    addTag: t("Add trigger words"),
    removeTag: t("Remove trigger words"),
  };
  return (
    <Card title={t("Change {count} songs", { count: songs.length })}>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          if (edit === undefined) return;
          desk.preview(edit).then(setTried, (reason: unknown) => {
            setError(reason instanceof Error ? reason : new Error(String(reason)));
          });
        }}
      >
        <div class="field">
          <label for="bulk-action">{t("What")}</label>
          <select
            id="bulk-action"
            value={form.action}
            onChange={({ currentTarget }) => {
              const action = currentTarget.value as BulkAction;
              const known = action !== "replace" || fields.texts.includes(form.field);
              change({ action, value: "", ...(known ? {} : { field: fields.texts[0] ?? "" }) });
            }}
          >
            {actions.map((action) => (
              <option key={action} value={action}>
                {actionNames[action]}
              </option>
            ))}
          </select>
        </div>
        {!ofTags && (
          <div class="field">
            <label for="bulk-field">{t("Field")}</label>
            <select
              id="bulk-field"
              value={field?.key}
              onChange={({ currentTarget }) => {
                change({ field: currentTarget.value, value: "" });
              }}
            >
              {allowed.map((one) => (
                <option key={one.key} value={one.key}>
                  {nameOf(one)}
                </option>
              ))}
            </select>
          </div>
        )}
        {form.action === "set" && field !== undefined && (
          <Field
            field={field}
            form="bulk"
            text={field.control === "switch" && form.value === "" ? "false" : form.value}
            {...(field.key === "lyrics" ? { lines: 6 } : {})}
            onText={(value) => {
              change({ value });
            }}
          />
        )}
        {form.action === "replace" && (
          <TextField
            name={t("Find")}
            text={form.find}
            onText={(find) => {
              change({ find });
            }}
          />
        )}
        {(form.action === "replace" || ofTags) && (
          <TextField
            name={ofTags ? t("Trigger words, with commas between") : t("Put in its place")}
            text={form.value}
            onText={(value) => {
              change({ value });
            }}
          />
        )}
        <div class="actions">
          <button type="submit" disabled={edit === undefined}>
            {t("Show what changes")}
          </button>
        </div>
      </form>
      <Failure error={error ?? state.refused} />
      {tried !== undefined && (
        <>
          <Changes changes={tried.changes} rows={view.songs} />
          <div class="actions">
            <button
              type="button"
              class="primary"
              disabled={tried.changes.length === 0 || state.isSaving || edit === undefined}
              onClick={() => {
                if (edit === undefined) return;
                void desk.edit(edit).then((done) => {
                  if (done) onDone();
                });
              }}
            >
              {t("Write it")}
            </button>
          </div>
        </>
      )}
    </Card>
  );
}

function TextField(props: { name: string; text: string; onText: (text: string) => void }): JSX.Element {
  const { name, text, onText } = props;
  return (
    <label class="field">
      <span>{name}</span>
      <input
        type="text"
        value={text}
        onInput={({ currentTarget }) => {
          onText(currentTarget.value);
        }}
      />
    </label>
  );
}

/** Before and after, value by value. */
function Changes({ changes, rows }: { changes: readonly Change[]; rows: readonly SongRow[] }): JSX.Element {
  if (changes.length === 0) return <p class="quiet">{t("Nothing would change.")}</p>;
  const shown = (value: unknown): string => {
    const text = textOf(value).replace(/\s*\n\s*/g, " / ");
    return text.length > 120 ? `${text.slice(0, 119)}…` : text;
  };
  return (
    <div class="changes">
      <table>
        <thead>
          <tr>
            <th>{t("Song")}</th>
            <th>{t("Field")}</th>
            <th>{t("Before")}</th>
            <th>{t("After")}</th>
          </tr>
        </thead>
        <tbody>
          {changes.slice(0, mostRows).map(({ sample, key, before, after }) => (
            <tr key={`${sample ?? ""} ${key}`}>
              <td>{sample === undefined ? t("(dataset)") : rows[sample]?.filename}</td>
              <td>{nameOf({ key, label: key.replaceAll("_", " ") })}</td>
              <td>{shown(before)}</td>
              <td>{shown(after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {changes.length > mostRows && (
        <p class="quiet">{t("and {count} more", { count: changes.length - mostRows })}</p>
      )}
    </div>
  );
}
