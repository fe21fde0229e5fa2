import { editableTexts, editDataset, MetadataEdit, SampleEdit } from "@acewright/dataset";
import type { DatasetEdit } from "@acewright/dataset";
import { AceError } from "@acewright/core-native";
import { Option, type Command } from "commander";
import { leafCommand, outputOf, type Context } from "../../command.js";
import { givenOptions, optionsFromSchema } from "../../options-from-schema.js";
import { finishChange, openDataset, takesChange, whereNotes, type ChangeOptions } from "./dataset-change.js";

interface SetOptions extends ChangeOptions {
  clear?: string[];
  find?: string;
  replace?: string;
  in: (typeof editableTexts)[number];
}

const fields = Object.keys(SampleEdit.shape) as (keyof SampleEdit)[];

/** `dataset set`: values of many songs at once. */
export function setCommand(context: Context): Command {
  const command = takesChange(
    leafCommand({
      name: "set",
      summary: "change captions, keys, tempos and the like of the songs a filter picks",
      examples: [
        'dataset set dataset.json --where "folder=bells" --genre "ambient bells" --language en',
        'dataset set dataset.json --where "bpm>200" --clear bpm,keyscale --dry-run',
        'dataset set dataset.json --find "guitars" --replace "bells" --in caption',
        'dataset set dataset.json --where "number=3" --prompt-override genre --repeat 2',
        "dataset set dataset.json --genre-ratio 30 --no-all-instrumental",
      ],
      notes: `${whereNotes}\nWhat the file held is kept as dataset.json.bak; \`dataset undo\` puts it back.`,
    }),
  )
    .option("--clear <field,...>", `empty fields: ${fields.join(", ")}`, fieldList)
    .option("--find <text>", "text to replace, as it stands, in every song the filter picks")
    .option("--replace <text>", "what to put in its place")
    .addOption(
      new Option("--in <field>", "field to replace text in").choices(editableTexts).default("caption"),
    );
  optionsFromSchema(command, SampleEdit);
  optionsFromSchema(command, MetadataEdit);
  return command.action(async (file: string, options: SetOptions) => {
    const output = outputOf(command, context);
    const dataset = await openDataset(file, options, output);
    const edit: DatasetEdit = {
      where: options.where ?? [],
      set: givenOptions(command, SampleEdit),
      clear: (options.clear ?? []) as (keyof SampleEdit)[],
      metadata: givenOptions(command, MetadataEdit),
      ...replacement(options),
    };
    finishChange(file, editDataset(dataset, edit), options, output);
  });
}

function replacement({ find, replace, in: field }: SetOptions): Pick<DatasetEdit, "replace"> {
  if (find === undefined && replace === undefined) return {};
  if (find === undefined) throw new AceError("ERR_CONFIG", "--replace needs --find, the text to look for");
  if (replace === undefined) throw new AceError("ERR_CONFIG", '--find needs --replace, which may be ""');
  return { replace: { field, find, by: replace } };
}

function fieldList(text: string, before: string[] = []): string[] {
  const names = text.split(",").map((name) => name.trim().replaceAll("-", "_"));
  const unknown = names.find((name) => !(fields as string[]).includes(name));
  if (unknown === undefined) return [...before, ...names];
  throw new AceError("ERR_CONFIG", `--clear takes fields of ${fields.join(", ")}, got "${unknown}"`);
}
