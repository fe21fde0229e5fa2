import { resolve } from "node:path";
import { compareCheckpoints, GenerateSettings } from "@acewright/trainer";
import type { RunAdapter } from "@acewright/trainer";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { defaultName } from "../free-name.js";
import { optionsFromSchema } from "../options-from-schema.js";
import { formatCounted } from "../render/units.js";
import { parseRunAdapter, placesOf, promptsOf, songOptions, songSettings, withBars } from "./generate.js";

interface CompareWords {
  model?: string;
  output?: string;
  replace?: true;
  checkpoints?: RunAdapter[];
  base: boolean;
  prompts?: string;
  seeds?: number[];
  audio: "wav" | "flac";
  vae?: string;
  textEncoder?: string;
  lyricsFile?: string;
}

export function compareCommand(context: Context): Command {
  const command = leafCommand({
    name: "compare",
    summary: "make the same songs with several checkpoints, to listen side by side",
    examples: [
      'compare runs/first --caption "my style, slow bells" -o listen',
      "compare runs/first --checkpoints 200,400,final --prompts prompts.txt --seeds 1,2 --audio flac -o listen",
    ],
    notes:
      "All takes of a song have the same words, seed and loudness; open index.html of the folder to hear them.",
  })
    .argument("<run>", "run folder")
    .option(
      "-o, --output <dir>",
      "folder for the songs, index.json and index.html; default: comparison, with a number where that is taken",
    )
    .option("--replace", "write over a comparison that is there")
    .option("-m, --model <dir>", "another model than the run's own")
    .option("--checkpoints <a,b,...>", "steps, best and final (default: all there are)", (text) =>
      text.split(",").map(parseRunAdapter),
    )
    .option("--no-base", "not also the model without an adapter");
  songOptions(command);
  return optionsFromSchema(command, GenerateSettings).action(async (run: string, words: CompareWords) => {
    const output = outputOf(command, context);
    const { caption, ...settings } = songSettings(command, words);
    const { model, checkpoints, seeds } = words;
    const replace = words.replace === true;
    const folder = words.output ?? defaultName("comparison", "", replace);
    const comparison = await withBars(output, context.signal, (listening) =>
      compareCheckpoints({
        ...settings,
        ...placesOf(words),
        run: resolve(run),
        ...(model !== undefined && { model: resolve(model) }),
        prompts: promptsOf(words.prompts, caption),
        ...(seeds !== undefined && { seeds }),
        ...(checkpoints !== undefined && { checkpoints }),
        base: words.base,
        container: words.audio,
        output: resolve(folder),
        replace,
        ...listening,
      }),
    );
    const { songs, voices } = comparison;
    output.result(
      comparison,
      () => `${formatCounted(songs.length, "song")} by ${voices.join(", ")}: ${folder}/index.html`,
    );
  });
}
