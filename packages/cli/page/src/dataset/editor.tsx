import type { Finding } from "@acewright/dataset";
import type { JSX } from "preact";
import type { FieldView, Maker, SongView } from "../../../src/studio/dataset-api.js";
import { Badge, Card, Failure, Loading, Nothing } from "../parts/parts.js";
import { t } from "../words/words.js";
import type { Desk, DeskState } from "./desk.js";
import { isContested, textOf, type DraftField } from "./drafts.js";
import { Field } from "./field.js";
import { FindingLine } from "./findings.js";

/** Texts that may have several lines, and how many are seen at once. */
const longTexts: Readonly<Record<string, number>> = { caption: 4, lyrics: 16 };

/** All fields of the song in hand. Leaving a field writes it. */
export function Editor(props: {
  desk: Desk;
  state: DeskState;
  findings: ReadonlyMap<number, readonly Finding[]>;
}): JSX.Element {
  const { desk, state, findings } = props;
  const { view, fields, current } = state;
  if (view === undefined || fields === undefined || current === undefined)
    return (
      <Card title={t("Song")}>
        <Nothing>{t("Choose a song in the table to edit it.")}</Nothing>
      </Card>
    );
  const song = state.songs[current];
  const row = view.songs[current];
  const draft = state.drafts[current];
  const said = findings.get(current) ?? [];
  const keys = new Set(fields.song.map(({ key }) => key));
  return (
    <Card
      title={row?.filename ?? t("Song")}
      actions={
        <>
          <SaveState state={state} isDraft={draft !== undefined} />
          <button
            type="button"
            class="primary"
            disabled={draft === undefined || state.isSaving}
            onClick={() => {
              void desk.save(current, { contested: true });
            }}
          >
            {t("Save")}
          </button>
        </>
      }
    >
      <Failure error={draft === undefined ? undefined : state.refused} />
      {song === undefined ? (
        <Loading />
      ) : (
        <div
          class="fields song-fields"
          onFocusOut={() => {
            void desk.save(current);
          }}
        >
          {fields.song.map((field) => (
            <SongField
              key={`${current} ${field.key}`}
              field={field}
              song={song}
              draft={draft?.fields[field.key]}
              findings={said.filter((finding) => finding.field === field.key)}
              desk={desk}
            />
          ))}
        </div>
      )}
      {said
        .filter((finding) => finding.field === undefined || !keys.has(finding.field))
        .map((finding) => (
          <FindingLine key={`${finding.code} ${finding.message}`} finding={finding} />
        ))}
    </Card>
  );
}

function SaveState({ state, isDraft }: { state: DeskState; isDraft: boolean }): JSX.Element {
  const [kind, words] = !isDraft
    ? (["good", t("saved")] as const)
    : state.isSaving
      ? (["busy", t("saving…")] as const)
      : state.refused !== undefined
        ? (["bad", t("not saved")] as const)
        : (["plain", t("not saved yet")] as const);
  return (
    <span aria-live="polite">
      <Badge kind={kind}>{words}</Badge>
    </span>
  );
}

function SongField(props: {
  field: FieldView;
  song: SongView;
  draft: DraftField | undefined;
  findings: readonly Finding[];
  desk: Desk;
}): JSX.Element {
  const { field, song, draft, findings, desk } = props;
  const { key } = field;
  const values: Readonly<Record<string, unknown>> = song.values;
  const now = textOf(values[key]);
  const lines = longTexts[key];
  const maker = song.makers[key];
  return (
    <Field
      field={field}
      form="song"
      text={draft?.text ?? now}
      {...(lines === undefined ? {} : { lines })}
      unset={key === "prompt_override" ? t("as the genre ratio says") : t("not set")}
      onText={(text) => {
        desk.type(song.song, key, text);
      }}
    >
      {maker !== undefined && draft === undefined && <MadeBy maker={maker} />}
      {draft !== undefined && isContested(draft, song, key) && (
        <div class="contested">
          <p class="warning">{t("In the file it is another meanwhile:")}</p>
          <pre>{now === "" ? t("(empty)") : now}</pre>
          <button
            type="button"
            onClick={() => {
              desk.drop(song.song, key);
            }}
          >
            {t("Take the file's")}
          </button>
        </div>
      )}
      {findings.map((finding) => (
        <FindingLine
          key={`${finding.code} ${finding.message}`}
          finding={finding}
          onTake={(value) => {
            desk.type(song.song, key, String(value));
            void desk.save(song.song);
          }}
        />
      ))}
    </Field>
  );
}

function MadeBy({ maker: { by, model, confidence, isUnsure } }: { maker: Maker }): JSX.Element {
  const who = model === undefined || model === by ? by : `${by} (${model})`;
  const sure = confidence === undefined ? undefined : Math.round(confidence * 100);
  return (
    <p class={isUnsure ? "warning" : "help"}>
      {sure === undefined
        ? isUnsure
          ? t("by {who}, low confidence", { who })
          : t("by {who}", { who })
        : isUnsure
          ? t("by {who}, low confidence ({sure} %)", { who, sure })
          : t("by {who}, {sure} % sure", { who, sure })}
    </p>
  );
}
