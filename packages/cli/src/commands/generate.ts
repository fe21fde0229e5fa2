import { resolve } from "node:path";
import { AceError, readUserText } from "@acewright/core-native";
import { generate, GenerateSettings, generateSongs, parseAdapterUse, readPrompts } from "@acewright/trainer";
import type {
  AdapterUse,
  GenerateOptions,
  GeneratePart,
  GenerateResult,
  GenerateSettingsInput,
  PromptRow,
  RunAdapter,
} from "@acewright/trainer";
import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import { leafCommand, modelOption, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { defaultName } from "../free-name.js";
import { givenOptions, optionsFromSchema } from "../options-from-schema.js";
import type { Output } from "../output.js";
import type { Progress } from "../render/progress.js";
import { formatCounted, formatDuration } from "../render/units.js";

interface GenerateWords extends PlaceWords {
  model: string;
  output?: string;
  replace?: true;
  adapter?: AdapterUse[];
  checkpoint?: RunAdapter;
  prompts?: string;
  seeds?: number[];
  audio: "wav" | "flac";
}

/** Where files lie that both `generate` and `compare` may be told of. */
interface PlaceWords {
  vae?: string;
  textEncoder?: string;
  lyricsFile?: string;
}

export function generateCommand(context: Context): Command {
  const command = leafCommand({
    name: "generate",
    summary: "make songs, with or without adapters",
    examples: [
      'generate --model checkpoints --caption "slow piano in A minor" -o song.flac',
      'generate --model checkpoints --adapter runs/first --caption "my style, bells" --lyrics-file words.txt -o song.wav',
      'generate --model checkpoints --adapter runs/first:0.7 --adapter other.safetensors:0.5@0.2-1 --caption "bells" -o song.wav',
      'generate --model checkpoints --adapter runs/first:1,cross_attn=0.5,layers.12-23=0 --caption "bells" --seeds 1,2,3 -o songs',
      "generate --model checkpoints --adapter runs/first --checkpoint 400 --prompts prompts.txt --audio flac -o songs",
    ],
    notes: promptNotes,
  })
    .addOption(modelOption())
    .option(
      "-o, --output <path>",
      "WAV or FLAC file, or a folder for several songs; default: song.wav or songs, with a number where that is taken",
    )
    .option("--replace", "write over files that are there")
    .option(
      "-a, --adapter <path[:scale]>",
      "run, or an adapter's folder or file in any layout of `export`; scale 1 is as trained, 0 is off (repeatable); see below",
      gatherAdapter,
    )
    .option(
      "--checkpoint <step|best|final>",
      "which adapter of the runs given (default final)",
      parseRunAdapter,
    );
  songOptions(command);
  return optionsFromSchema(command, GenerateSettings).action(async (words: GenerateWords) => {
    const output = outputOf(command, context);
    const settings = songSettings(command, words);
    const { checkpoint, prompts, seeds } = words;
    const replace = words.replace === true;
    const uses = (words.adapter ?? []).map((use) =>
      checkpoint === undefined ? use : { ...use, which: checkpoint },
    );
    const request = { ...settings, ...placesOf(words), model: resolve(words.model), adapters: uses };
    if (prompts === undefined && seeds === undefined) {
      const { caption } = request;
      if (caption === undefined) throw new AceError("ERR_CONFIG", "--caption is missing; say what to play");
      const file = words.output ?? defaultName("song", `.${words.audio}`, replace);
      const result = await generateSong(
        { ...request, caption, output: resolve(file), replace },
        output,
        context.signal,
      );
      output.result(result, () => `${formatDuration(result.durationS)} of music: ${file}`);
      return;
    }
    const folder = words.output ?? defaultName("songs", "", replace);
    if (/[.](wav|flac)$/i.test(folder))
      throw new AceError(
        "ERR_CONFIG",
        `--output ${folder}: --seeds and --prompts make songs of their own names; name a folder for them`,
      );
    const { caption, ...rest } = request;
    const result = await withBars(output, context.signal, (listening) =>
      generateSongs({
        ...rest,
        prompts: promptsOf(prompts, caption),
        ...(seeds !== undefined && { seeds }),
        container: words.audio,
        output: resolve(folder),
        replace,
        ...listening,
      }),
    );
    output.result(result, () => `${formatCounted(result.songs.length, "song")}: ${folder}`);
  });
}

const promptNotes = `Adapters: PATH[:SCALE[,GROUP=SCALE]...][@FROM-TO]. A group is a kind of module or a range of layers (self_attn,
cross_attn, mlp, q_proj, layers.12-23, layers.0-5.mlp) whose scale is multiplied by its number; @0.2-1 lets the adapter
work in that part of the way from noise (0) to music (1).

Prompts: a song a line, a caption in plain words or a JSON object, such as
{"caption": "slow bells", "lyrics": "[Verse] ...", "durationS": 30, "seed": 7}. Lines with # are passed over.`;

/** What is asked of songs beside the schema. */
export function songOptions(command: Command): void {
  command
    .option("--prompts <file>", "several songs: a caption or a JSON object a line")
    .option("--seeds <a,b,...>", "make each song with each of these seeds", parseSeeds)
    .addOption(
      new Option("--audio <kind>", "kind of file, where the name does not say")
        .choices(["wav", "flac"])
        .default("wav"),
    )
    .option("--vae <dir>", "autoencoder, when it does not lie beside the model")
    .option("--text-encoder <dir>", "Qwen3-Embedding-0.6B, when it does not lie beside the model")
    .option("--lyrics-file <file>", "lyrics from a text file instead of --lyrics");
}

/** The schema's settings as given, lyrics from their file. */
export function songSettings(command: Command, { lyricsFile }: PlaceWords): Partial<GenerateSettingsInput> {
  const settings = givenOptions(command, GenerateSettings) as Partial<GenerateSettingsInput>;
  if (lyricsFile === undefined) return settings;
  try {
    // As an editor of Windows writes it: the model knows no carriage returns.
    return { ...settings, lyrics: readUserText(lyricsFile).replace(/\r\n?/g, "\n") };
  } catch (cause) {
    throw new AceError(
      "ERR_FILE",
      `--lyrics-file ${lyricsFile}: cannot be read (${(cause as Error).message})`,
      { cause },
    );
  }
}

export function placesOf({ vae, textEncoder }: PlaceWords): { vae?: string; textEncoder?: string } {
  return {
    ...(vae !== undefined && { vae: resolve(vae) }),
    ...(textEncoder !== undefined && { textEncoder: resolve(textEncoder) }),
  };
}

/** From the file, or the one caption. */
export function promptsOf(file: string | undefined, caption: string | undefined): PromptRow[] {
  if (file !== undefined && caption !== undefined) {
    throw new AceError(
      "ERR_CONFIG",
      "--caption and --prompts: give one of them; captions of several songs stand in the file",
    );
  }
  if (file !== undefined) return readPrompts(file);
  if (caption === undefined)
    throw new AceError("ERR_CONFIG", "--caption or --prompts is missing; say what to play");
  return [{ caption }];
}

/** `runs/first:0.7`, paths made absolute. */
export function gatherAdapter(text: string, before: readonly AdapterUse[] = []): AdapterUse[] {
  try {
    const use = parseAdapterUse(text);
    return [...before, { ...use, path: resolve(use.path) }];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** A step, `best` or `final`. */
export function parseRunAdapter(text: string): RunAdapter {
  if (text === "best" || text === "final") return text;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a step, best or final.");
}

function parseSeeds(text: string): number[] {
  return text.split(",").map((item) => {
    const seed = Number(item);
    if (item.trim() === "" || !Number.isSafeInteger(seed) || seed < 0)
      throw new InvalidArgumentError(`expected whole numbers from 0 on, got ${JSON.stringify(item)}.`);
    return seed;
  });
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
  return await withBars(output, signal, (listening) => generate({ ...options, ...listening }));
}

/** Draws a bar for each part of the work, and tells its warnings at the end. */
export async function withBars<T extends { readonly warnings: readonly string[] }>(
  output: Output,
  signal: AbortSignal,
  work: (listening: Required<Pick<GenerateOptions, "signal" | "onProgress" | "onDevice">>) => Promise<T>,
): Promise<T> {
  let part: GeneratePart | undefined;
  let bar: Progress | undefined;
  const onProgress = (now: GeneratePart, done: number, total: number): void => {
    if (now !== part) {
      bar?.finish();
      bar = output.progress(...partNames[now]);
      part = now;
    }
    bar?.update(done, total);
  };
  try {
    const result = await work({
      signal,
      onProgress,
      onDevice: ({ note }) => {
        if (note !== undefined) output.say(note);
      },
    });
    bar?.finish();
    for (const line of result.warnings) output.warn(line);
    return result;
  } catch (error) {
    bar?.clear();
    throw error;
  }
}
