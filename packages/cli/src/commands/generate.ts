import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { AceError } from "@acewright/core-native";
import { generate, GenerateSettings } from "@acewright/trainer";
import type { AdapterUse, GenerateOptions, GeneratePart, GenerateResult } from "@acewright/trainer";
import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { givenOptions, optionsFromSchema } from "../options-from-schema.js";
import type { Output } from "../output.js";
import type { Progress } from "../render/progress.js";
import { formatDuration } from "../render/units.js";

interface GenerateWords {
  model: string;
  output: string;
  adapter?: AdapterUse[];
  vae?: string;
  textEncoder?: string;
  lyricsFile?: string;
}

export function generateCommand(context: Context): Command {
  const command = leafCommand({
    name: "generate",
    summary: "make a song, with or without adapters",
    examples: [
      'generate --model checkpoints --caption "slow piano in A minor" -o song.wav',
      'generate --model checkpoints --adapter runs/first --caption "my style, bells" --lyrics-file words.txt -o song.wav',
      'generate --model checkpoints --adapter runs/first:0.7 --adapter other.safetensors:0.5 --caption "bells" -o song.wav',
    ],
  })
    .requiredOption("-m, --model <dir>", "acestep-v15-* folder, or the folder of checkpoints that holds it")
    .option("-o, --output <file>", "WAV file to write", "song.wav")
    .option(
      "-a, --adapter <path[:scale]>",
      "run, PEFT folder or LyCORIS file; scale 1 is as trained (repeatable)",
      gatherAdapter,
    )
    .option("--vae <dir>", "autoencoder, when it does not lie beside the model")
    .option("--text-encoder <dir>", "Qwen3-Embedding-0.6B, when it does not lie beside the model")
    .option("--lyrics-file <file>", "lyrics from a text file instead of --lyrics");
  return optionsFromSchema(command, GenerateSettings).action(async (words: GenerateWords) => {
    const output = outputOf(command, context);
    const settings = givenOptions(command, GenerateSettings);
    if (settings["caption"] === undefined)
      throw new AceError("ERR_CONFIG", "--caption is missing; say what to play");
    const result = await generateSong(
      {
        ...(settings as Pick<GenerateOptions, "caption">),
        ...(words.lyricsFile === undefined ? {} : { lyrics: readFileSync(words.lyricsFile, "utf8") }),
        ...(words.vae === undefined ? {} : { vae: resolve(words.vae) }),
        ...(words.textEncoder === undefined ? {} : { textEncoder: resolve(words.textEncoder) }),
        model: resolve(words.model),
        output: resolve(words.output),
        adapters: words.adapter ?? [],
      },
      output,
      context.signal,
    );
    output.result(result, () => `${formatDuration(result.durationS)} of music: ${words.output}`);
  });
}

/** `runs/first:0.7` is a path and a scale; without a number at its end it is a path. */
export function gatherAdapter(text: string, before: readonly AdapterUse[] = []): AdapterUse[] {
  const [, path = text, scale = "1"] = /^(.+):(-?\d*\.?\d+)$/.exec(text) ?? [];
  if (path === "") throw new InvalidArgumentError("expected PATH or PATH:SCALE.");
  return [...before, { path: resolve(path), scale: Number(scale) }];
}

const partNames: Readonly<Record<GeneratePart, readonly [string, string]>> = {
  prompt: ["caption and lyrics", "prompt"],
  sample: ["noise to latents", "step"],
  decode: ["latents to audio", "frame"],
};

/** Generates with a bar for each part. */
export async function generateSong(
  options: Omit<GenerateOptions, "signal" | "onProgress" | "onDevice">,
  output: Output,
  signal: AbortSignal,
): Promise<GenerateResult> {
  let part: GeneratePart | undefined;
  let bar: Progress | undefined;
  const onProgress: GenerateOptions["onProgress"] = (now, done, total) => {
    if (now !== part) {
      bar?.finish();
      bar = output.progress(...partNames[now]);
      part = now;
    }
    bar?.update(done, total);
  };
  try {
    const onDevice: GenerateOptions["onDevice"] = ({ note }) => {
      if (note !== undefined) output.say(note);
    };
    const result = await generate({ ...options, signal, onProgress, onDevice });
    bar?.finish();
    for (const line of result.warnings) output.warn(line);
    return result;
  } catch (error) {
    bar?.clear();
    throw error;
  }
}
