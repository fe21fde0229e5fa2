import type { FieldView } from "../../../src/studio/dataset-api.js";
import type { DeskEdit } from "./desk.js";
import { editOf } from "./drafts.js";

/** What can be done to many songs at once. */
export const actions = ["set", "clear", "replace", "addTag", "removeTag"] as const;
export type BulkAction = (typeof actions)[number];

/** The form of a change of many songs, as it is filled in. */
export interface BulkForm {
  readonly action: BulkAction;
  readonly field: string;
  readonly value: string;
  readonly find: string;
}

/** The change that a form means; undefined while something is missing or does not fit. */
export function bulkEdit(
  { action, field, value, find }: BulkForm,
  songs: readonly number[],
  fields: readonly FieldView[],
): DeskEdit | undefined {
  if (songs.length === 0) return undefined;
  switch (action) {
    case "set": {
      const { set, clear } = editOf(fields, { [field]: value });
      return Object.keys(set).length === 0 || clear.length > 0 ? undefined : { songs, set };
    }
    case "clear":
      return { songs, clear: [field] };
    case "replace":
      return find === "" ? undefined : { songs, replace: { field, find, by: value } };
    case "addTag":
    case "removeTag":
      return value.trim() === ""
        ? undefined
        : { songs, tags: { action: action === "addTag" ? "add" : "remove", tag: value } };
  }
}
