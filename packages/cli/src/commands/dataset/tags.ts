import { countTags, DatasetMetadata, editTags } from "@acewright/dataset";
import type { TagEdit } from "@acewright/dataset";
import { Command, Option } from "commander";
import { leafCommand, outputOf, type CommandWords, type Context } from "../../command.js";
import { renderTable } from "../../render/table.js";
import {
  finishChange,
  openDataset,
  takesChange,
  takesDataset,
  whereNotes,
  type ChangeOptions,
  type FileOptions,
} from "./dataset-change.js";

/** `dataset tags`: trigger words of a dataset and of single songs. */
export function tagsCommand(context: Context): Command {
  return new Command("tags")
    .description("trigger words: list, set, add, remove, clear")
    .addCommand(listCommand(context))
    .addCommand(editCommand("set", "put trigger words in the place of all others", context))
    .addCommand(editCommand("add", "add trigger words after those there are", context))
    .addCommand(editCommand("remove", "take trigger words out", context))
    .addCommand(editCommand("clear", "take all trigger words out", context));
}

function listCommand(context: Context): Command {
  const command = takesDataset(
    leafCommand({
      name: "list",
      summary: "show the trigger words, where they go and how many songs have them",
      examples: ["dataset tags list dataset.json"],
    }),
  );
  return command.action(async (file: string, options: FileOptions) => {
    const output = outputOf(command, context);
    const dataset = await openDataset(file, options, output);
    const { custom_tag: tag, tag_position: position } = dataset.metadata;
    const counts = [...countTags(dataset)].map(([words, songs]) => ({ tag: words, songs }));
    output.result({ tag, position, counts }, () => {
      const rows = counts.map(({ tag: words, songs }) => [words === "" ? "(none)" : words, String(songs)]);
      const table = renderTable([{ title: "trigger words" }, { title: "songs", align: "right" }], rows);
      return `${table}\n\nof the dataset: ${tag === "" ? "(none)" : tag} (${position})`;
    });
  });
}

const examples: Readonly<Record<TagEdit["action"], CommandWords["examples"]>> = {
  set: [
    'dataset tags set dataset.json "zxc bells"',
    'dataset tags set dataset.json "zxc bells" --position append',
  ],
  add: ['dataset tags add dataset.json live --where "folder=concert" --dry-run'],
  remove: ["dataset tags remove dataset.json live"],
  clear: ["dataset tags clear dataset.json", 'dataset tags clear dataset.json --where "folder=concert"'],
};

interface EditOptions extends ChangeOptions {
  position?: DatasetMetadata["tag_position"];
}

function editCommand(action: TagEdit["action"], summary: string, context: Context): Command {
  const notes =
    "Without --where the dataset's words are changed; with it the songs' own, which then stand in their place.\n" +
    whereNotes;
  const command = takesChange(leafCommand({ name: action, summary, examples: examples[action], notes }));
  if (action !== "clear") command.argument("<tag>", "a word or phrase; several between commas");
  if (action === "set" || action === "add") {
    const places = DatasetMetadata.shape.tag_position.unwrap().options;
    command.addOption(new Option("--position <place>", "where the words go in prompts").choices(places));
  }
  const edit = async (file: string, tag: string | undefined, options: EditOptions): Promise<void> => {
    const output = outputOf(command, context);
    const dataset = await openDataset(file, options, output);
    const { where, position } = options;
    const edited = editTags(dataset, {
      action,
      ...(tag === undefined ? {} : { tag }),
      ...(position === undefined ? {} : { position }),
      ...(where === undefined ? {} : { where }),
    });
    finishChange(
      file,
      where === undefined ? { dataset: edited.dataset, changes: edited.changes } : edited,
      options,
      output,
    );
  };
  if (action === "clear")
    return command.action((file: string, options: EditOptions) => edit(file, undefined, options));
  return command.action(edit);
}
