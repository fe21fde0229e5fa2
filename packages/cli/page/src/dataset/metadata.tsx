import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { DatasetFields, DatasetView, FieldView } from "../../../src/studio/dataset-api.js";
import { Failure } from "../parts/parts.js";
import { t } from "../words/words.js";
import type { Desk } from "./desk.js";
import { editOf, textOf } from "./drafts.js";
import { Field } from "./field.js";

/** What holds for all songs. Nothing is written before the button is pressed: one of the switches changes every song. */
export function Metadata(props: {
  desk: Desk;
  view: DatasetView;
  fields: DatasetFields;
  isSaving: boolean;
  refused: Error | undefined;
}): JSX.Element {
  const { desk, view, fields, isSaving, refused } = props;
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  const values: Readonly<Record<string, unknown>> = view.metadata;
  const changed = Object.fromEntries(
    Object.entries(typed).filter(([key, text]) => text !== textOf(values[key])),
  );
  const { custom_tag: tag, ...settings } = changed;
  const { set, clear, problems } = editOf(fields.metadata, settings);
  const isReady =
    Object.keys(changed).length > 0 &&
    Object.keys(problems).length === 0 &&
    !clear.some((key) => key !== "name");
  const all: readonly FieldView[] = [
    ...fields.metadata.slice(0, 1),
    tagField(fields),
    ...fields.metadata.slice(1),
  ];
  const save = (): void => {
    const metadata = { ...set, ...(clear.includes("name") ? { name: "" } : {}) };
    const tags =
      tag === undefined ? {} : { tags: tag.trim() === "" ? { action: "clear" } : { action: "set", tag } };
    const edit = { ...(Object.keys(metadata).length === 0 ? {} : { metadata }), ...tags };
    void desk.edit(edit).then((done) => {
      if (done) setTyped({});
    });
  };
  return (
    <details name="ways">
      <summary>
        {t("The dataset as a whole")}{" "}
        <span class="quiet">
          {view.metadata.custom_tag === ""
            ? t("no trigger words")
            : t("trigger words: {words}", { words: view.metadata.custom_tag })}
        </span>
      </summary>
      <form
        class="fields"
        onKeyDown={(event) => {
          if (event.key === "s" && (event.ctrlKey || event.metaKey) && isReady) save();
        }}
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        {all.map((field) => (
          <Field
            key={field.key}
            field={field}
            form="metadata"
            text={typed[field.key] ?? textOf(values[field.key])}
            onText={(text) => {
              setTyped((before) => ({ ...before, [field.key]: text }));
            }}
          />
        ))}
        <div class="actions">
          <button type="submit" class="primary" disabled={!isReady || isSaving}>
            {t("Save")}
          </button>
        </div>
      </form>
      <Failure error={Object.keys(changed).length > 0 ? refused : undefined} />
    </details>
  );
}

/** The dataset's trigger words are edited like those of a song. */
function tagField({ scan }: DatasetFields): FieldView {
  const field = scan.find(({ key }) => key === "custom_tag");
  if (field === undefined) throw new Error("the scan's form has no field for trigger words");
  return field;
}
