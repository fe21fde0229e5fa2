import { CaptionSettings } from "@acewright/dataset";
import type { Command } from "commander";
import { leafCommand, type Context } from "../../command.js";
import { givenOptions, optionsFromSchema } from "../../options-from-schema.js";
import { annotate, annotationNotes, takesAnnotation, type AnnotateWords } from "./annotation-run.js";

/** `dataset caption`: what songs sound like, in the words of a model that hears. */
export function captionCommand(context: Context): Command {
  const command = takesAnnotation(
    leafCommand({
      name: "caption",
      summary: "describe songs that have no caption, by a model that hears; with Gemini lyrics too",
      examples: [
        "dataset caption songs --dry-run",
        "dataset caption dataset.json --yes",
        "dataset caption dataset.json --provider openai --base-url http://localhost:8000/v1 --model qwen2.5-omni",
        "dataset caption dataset.json --policy overwrite-caption --prompt-file prompt.txt --preview",
        'dataset caption dataset.json --where "folder=bells" --no-lyrics',
      ],
      notes:
        `${annotationNotes}\n` +
        "Keys: GEMINI_API_KEY, OPENAI_API_KEY (and OPENAI_BASE_URL, OPENAI_MODEL), from the environment only.",
    }),
  );
  return optionsFromSchema(command, CaptionSettings).action(async (path: string, words: AnnotateWords) => {
    const settings = givenOptions(command, CaptionSettings);
    await annotate(command, context, path, { task: "caption", settings }, words);
  });
}
