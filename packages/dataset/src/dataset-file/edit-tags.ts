import { AceError } from "@acewright/core-native";
import { pickSamples } from "./filter-samples.js";
import type { Dataset, DatasetMetadata, Sample } from "./schema.js";
import { differences, type Change } from "./edit-dataset.js";

export interface TagEdit {
  /** `set` puts the tag in the place of all, `add` after those there are, `remove` takes it out, `clear` all of them. */
  action: "set" | "add" | "remove" | "clear";
  /** One trigger word or phrase, or several between commas; not for `clear`. */
  tag?: string;
  /** Where the trigger words go in prompts; for the dataset as a whole. */
  position?: DatasetMetadata["tag_position"];
  /** Songs that get trigger words of their own; the dataset's own are changed by default. */
  where?: readonly string[];
  /** The same by the indices of samples; with `where`, those that meet both. */
  songs?: readonly number[];
}

/**
 * Edits trigger words: the dataset's, or with `where` or `songs` those of single songs, which then stand in the place of the
 * dataset's. The dataset given stays as it is.
 *
 * @throws {AceError} ERR_CONFIG for a bad filter or a tag that is missing.
 */
export function editTags(
  dataset: Dataset,
  edit: TagEdit,
): { dataset: Dataset; changes: Change[]; selected: number[] } {
  const tags = tagList(edit.tag ?? "");
  if (tags.length === 0 && edit.action !== "clear")
    throw new AceError("ERR_CONFIG", `tag: a word to ${edit.action} was expected`);
  const edited: Dataset = { ...dataset, metadata: { ...dataset.metadata }, samples: [...dataset.samples] };
  if (edit.position !== undefined) edited.metadata.tag_position = edit.position;
  const ofSongs = edit.where !== undefined || edit.songs !== undefined;
  const selected = ofSongs ? pickSamples(dataset, edit.where ?? [], edit.songs) : [];
  if (!ofSongs) {
    edited.metadata.custom_tag =
      edit.action === "set" ? tags.join(", ") : changed(dataset.metadata.custom_tag, edit.action, tags);
  }
  for (const index of selected) {
    const sample = dataset.samples[index];
    if (sample !== undefined)
      edited.samples[index] = { ...sample, custom_tag: ownTag(sample, dataset, edit.action, tags) };
  }
  return { dataset: edited, changes: differences(dataset, edited), selected };
}

function ownTag(
  { custom_tag: own }: Sample,
  { metadata }: Dataset,
  action: TagEdit["action"],
  tags: readonly string[],
): string {
  // A song without words of its own has the dataset's: they stay when one is added, or when only one of them goes.
  return changed(own === "" ? metadata.custom_tag : own, action, tags);
}

function changed(before: string, action: TagEdit["action"], tags: readonly string[]): string {
  const present = tagList(before);
  switch (action) {
    case "set":
      return tags.join(", ");
    case "add":
      return [...present, ...tags.filter((tag) => !present.includes(tag))].join(", ");
    case "remove":
      return present.filter((tag) => !tags.includes(tag)).join(", ");
    case "clear":
      return "";
  }
}

/** "zxc, bells" to its words. */
export function tagList(text: string): string[] {
  return [...new Set(text.split(",").map((tag) => tag.trim()))].filter((tag) => tag !== "");
}

/** How many songs have each set of trigger words, the dataset's counted where a song has none of its own. */
export function countTags(dataset: Dataset): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { custom_tag } of dataset.samples) {
    const tag = custom_tag === "" ? dataset.metadata.custom_tag : custom_tag;
    counts.set(tag, (counts.get(tag) ?? 0) + 1);
  }
  return counts;
}
