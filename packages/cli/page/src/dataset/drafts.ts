import type { DatasetView, FieldView, SongView } from "../../../src/studio/dataset-api.js";

/** What was typed into the fields of a song and is not in the file yet. */
export interface Draft {
  readonly song: number;
  /** The song's `audio_path`: by it a draft finds its song again when the file was made anew. */
  readonly file: string;
  readonly fields: Readonly<Record<string, DraftField>>;
}

export interface DraftField {
  readonly text: string;
  /** What the field held when the typing began. */
  readonly base: string;
}

/** By the song's number. */
export type Drafts = Readonly<Record<number, Draft>>;

/** A value as it stands in a field. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The drafts with another text in a field. One that is as the file has it is no draft. */
export function withText(drafts: Drafts, view: SongView, key: string, text: string): Drafts {
  const { song, file } = view;
  const now = textOf(view.values[key as keyof SongView["values"]]);
  const before = drafts[song]?.fields ?? {};
  const others = Object.fromEntries(Object.entries(before).filter(([other]) => other !== key));
  const base = before[key]?.base ?? now;
  return withFields(drafts, {
    song,
    file,
    fields: text === now ? others : { ...others, [key]: { text, base } },
  });
}

/** The drafts without what has been written; what was typed on meanwhile stays. */
export function withoutSaved(
  drafts: Drafts,
  song: number,
  sent: Readonly<Record<string, string>>,
  now: SongView,
): Drafts {
  const draft = drafts[song];
  if (draft === undefined) return drafts;
  const fields = Object.fromEntries(
    Object.entries(draft.fields).flatMap(([key, field]) => {
      if (sent[key] === field.text) return [];
      const base = sent[key] === undefined ? field.base : textOf(now.values[key as keyof SongView["values"]]);
      return [[key, { ...field, base }]];
    }),
  );
  return withFields(drafts, { ...draft, fields });
}

function withFields(drafts: Drafts, draft: Draft): Drafts {
  const others = Object.fromEntries(
    Object.entries(drafts as Readonly<Record<string, Draft>>).filter(([song]) => Number(song) !== draft.song),
  );
  return Object.keys(draft.fields).length === 0 ? others : { ...others, [draft.song]: draft };
}

/** A field that was typed into here and changed in the file meanwhile. */
export function isContested(draft: DraftField, view: SongView, key: string): boolean {
  const now = textOf(view.values[key as keyof SongView["values"]]);
  return now !== draft.base && now !== draft.text;
}

/**
 * Drafts after the file was read again: each goes to its song, wherever that stands now.
 *
 * @returns those whose song is gone as `lost`, for their text is somebody's work.
 */
export function movedDrafts(drafts: Drafts, songs: DatasetView["songs"]): { drafts: Drafts; lost: Draft[] } {
  const moved: Record<number, Draft> = {};
  const lost: Draft[] = [];
  for (const draft of Object.values(drafts)) {
    const row =
      songs[draft.song]?.file === draft.file
        ? songs[draft.song]
        : songs.find(({ file }) => file === draft.file);
    if (row === undefined) lost.push(draft);
    else moved[row.song] = { ...draft, song: row.song };
  }
  return { drafts: moved, lost };
}

/** Typed texts as an edit, and what of them cannot be one. */
export interface TypedEdit {
  readonly set: Readonly<Record<string, unknown>>;
  readonly clear: readonly string[];
  /** Field to what is wrong with its text. */
  readonly problems: Readonly<Record<string, FieldView>>;
}

export function editOf(fields: readonly FieldView[], texts: Readonly<Record<string, string>>): TypedEdit {
  const set: Record<string, unknown> = {};
  const clear: string[] = [];
  const problems: Record<string, FieldView> = {};
  for (const [key, text] of Object.entries(texts)) {
    const field = fields.find((each) => each.key === key);
    if (field === undefined) continue;
    if (!fits(field, text)) problems[key] = field;
    else if (text.trim() === "") clear.push(key);
    else if (field.control === "switch") set[key] = text === "true";
    else set[key] = field.control === "number" ? Number(text) : text;
  }
  return { set, clear, problems };
}

/** Whether a text is a value of the field; an empty one always is. */
export function fits({ control, whole, min, max }: FieldView, text: string): boolean {
  if (control !== "number" || text.trim() === "") return true;
  const value = Number(text);
  if (!Number.isFinite(value) || (whole && !Number.isInteger(value))) return false;
  return value >= (min ?? -Infinity) && value <= (max ?? Infinity);
}
