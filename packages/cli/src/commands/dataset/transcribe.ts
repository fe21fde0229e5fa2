import { TranscribeSettings } from "@acewright/dataset";
import type { Command } from "commander";
import { leafCommand, type Context } from "../../command.js";
import { givenOptions, optionsFromSchema } from "../../options-from-schema.js";
import { annotate, annotationNotes, takesAnnotation, type AnnotateWords } from "./annotation-run.js";

/** `dataset transcribe`: lyrics by a service or a server of one's own. */
export function transcribeCommand(context: Context): Command {
  const command = takesAnnotation(
    leafCommand({
      name: "transcribe",
      summary: "write down the lyrics of songs that have none, by a speech service or from Genius",
      examples: [
        "dataset transcribe songs --dry-run",
        "dataset transcribe dataset.json --provider elevenlabs --yes",
        "dataset transcribe dataset.json --base-url http://localhost:8000/v1 --model Systran/faster-whisper-large-v3",
        "dataset transcribe songs --provider transcriber --base-url http://localhost:7860",
        'dataset transcribe songs --provider genius --default-artist "Ann Lee"',
        "dataset transcribe dataset.json --policy overwrite-lyrics --preview",
      ],
      notes:
        `${annotationNotes}\n` +
        "Keys: OPENAI_API_KEY (and OPENAI_BASE_URL), ELEVENLABS_API_KEY, GEMINI_API_KEY, GENIUS_API_TOKEN, from the environment only.",
    }),
  );
  return optionsFromSchema(command, TranscribeSettings).action(async (path: string, words: AnnotateWords) => {
    const settings = givenOptions(command, TranscribeSettings);
    await annotate(command, context, path, { task: "transcribe", settings }, words);
  });
}
