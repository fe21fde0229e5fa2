import { AceError } from "@acewright/core-native";
import {
  editableTexts,
  editDataset,
  editTags,
  SampleEdit,
  type Change,
  type Dataset,
} from "@acewright/dataset";
import { z } from "zod";

const fields = Object.keys(SampleEdit.shape) as (keyof SampleEdit)[];

/** An edit as the page sends it. What values are allowed is the dataset package's to say. */
export const DatasetEditBody = z.strictObject({
  path: z.string(),
  /** What the page had before it. */
  revision: z.string(),
  /** Nothing is written: what would change is told. */
  dryRun: z.boolean().default(false),
  /** Indices of the songs that are meant. */
  songs: z.array(z.number().int().min(0)).optional(),
  set: z.record(z.string(), z.unknown()).optional(),
  clear: z.array(z.enum(fields)).optional(),
  replace: z.strictObject({ field: z.enum(editableTexts), find: z.string(), by: z.string() }).optional(),
  /** Trigger words: of the songs where some are named, else of the dataset. */
  tags: z
    .strictObject({
      action: z.enum(["set", "add", "remove", "clear"]),
      tag: z.string().optional(),
    })
    .optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
});
export type DatasetEditBody = z.infer<typeof DatasetEditBody>;

/**
 * The dataset after an edit; the one given stays as it is.
 *
 * @throws {AceError} ERR_CONFIG for a value that does not fit, or an edit of songs that names none.
 */
export function applyEdit(
  dataset: Dataset,
  { songs, set, clear, replace, tags, metadata }: DatasetEditBody,
): { dataset: Dataset; changes: Change[]; selected: number } {
  const ofSongs = set !== undefined || clear !== undefined || replace !== undefined;
  if (ofSongs && songs === undefined)
    throw new AceError("ERR_CONFIG", "songs: which songs shall be changed was expected");
  const changes: Change[] = [];
  let edited = dataset;
  if (ofSongs || metadata !== undefined) {
    const result = editDataset(edited, {
      songs: songs ?? [],
      // The schema of the package judges both, and names what does not fit.
      set: set ?? {},
      metadata: metadata ?? {},
      ...(clear === undefined ? {} : { clear }),
      ...(replace === undefined ? {} : { replace }),
    });
    edited = result.dataset;
    changes.push(...result.changes);
  }
  if (tags !== undefined) {
    const { action, tag } = tags;
    const result = editTags(edited, {
      action,
      ...(tag === undefined ? {} : { tag }),
      ...(songs === undefined ? {} : { songs }),
    });
    edited = result.dataset;
    changes.push(...result.changes);
  }
  if (!ofSongs && metadata === undefined && tags === undefined)
    throw new AceError("ERR_CONFIG", "edit: something to change was expected");
  return { dataset: edited, changes, selected: songs?.length ?? 0 };
}
