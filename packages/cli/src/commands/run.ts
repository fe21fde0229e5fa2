import { existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { AceError } from "@acewright/core-native";
import type { DeviceName } from "@acewright/core-native";
import { loadDataset, PreprocessSettings, promptCaptions, saveDataset } from "@acewright/dataset";
import type { Dataset } from "@acewright/dataset";
import type { TrainConfigInput } from "@acewright/trainer";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { withAutomatic } from "../automatic.js";
import { trainingConfig, trainingOptions } from "../config-words.js";
import { givenOptions, optionsFromSchema } from "../options-from-schema.js";
import { noticeOption, withNotice } from "../notify/notify.js";
import type { NoticeWay } from "../notify/ways.js";
import type { Output } from "../output.js";
import { renderTable } from "../render/table.js";
import { scan } from "./dataset/scan-songs.js";
import { songTable } from "./dataset/song-table.js";
import { check, tokenCounter } from "./dataset/check.js";
import { generateSong } from "./generate.js";
import { preprocessSongs } from "./preprocess.js";
import { trainRun } from "./train.js";

interface RunWords {
  output?: string;
  caption?: string;
  duration?: string;
  compare?: true;
  notify?: NoticeWay[];
}

/** What the training flags do not already say. */
const OwnSettings = PreprocessSettings.omit({ seed: true, device: true, threads: true });

/** Steps between validations where the user does not say: enough of them to show before and after. */
const validationEvery = 50;
const longestSampleS = 60;

export function runCommand(context: Context): Command {
  const command = leafCommand({
    name: "run",
    summary: "the whole way: a folder of songs to a trained adapter and a song made with it",
    examples: [
      "run songs -o out --model checkpoints/acestep-v15-turbo",
      'run songs -o out --model checkpoints --trigger "my style" --adapter lokr --learning-rate 1e-3 --epochs 300',
    ],
    notes: "Interrupt it whenever you like: the same command goes on where it was.",
  })
    .argument("<songs>", "folder with songs, captions and lyrics")
    .option("--caption <text>", "what to play at the end; default: the first song's caption")
    .option("--duration <seconds>", "length of that song; default: the first song's, at most a minute")
    .option("--compare", "also make that song without the adapter");
  optionsFromSchema(noticeOption(trainingOptions(command)), OwnSettings);
  return command.action(async (songs: string, words: RunWords) => {
    const output = outputOf(command, context);
    if (words.output === undefined)
      throw new AceError("ERR_CONFIG", "--output is missing; name a folder for everything that is made");
    const out = resolve(words.output);
    await withNotice(words.notify ?? [], { run: out, output }, async () => {
      await new WholeWay(resolve(songs), out, command, context, output).walk();
      const status = context.signal.aborted ? "interrupted" : "finished";
      return { status, text: `${output.path(out)}: ${status}` };
    });
  });
}

/** One walk from songs to music; every part picks up what an earlier, interrupted walk left. */
class WholeWay {
  private readonly paths;

  constructor(
    private readonly songs: string,
    out: string,
    private readonly command: Command,
    private readonly context: Context,
    private readonly output: Output,
  ) {
    this.paths = {
      dataset: join(out, "dataset.json"),
      tensors: join(out, "tensors"),
      run: join(out, "run"),
      song: join(out, "song.wav"),
      songWithout: join(out, "song-without-adapter.wav"),
    };
    mkdirSync(out, { recursive: true });
  }

  async walk(): Promise<void> {
    const { output, paths, context } = this;
    const words = this.command.opts<RunWords>();
    const config = this.trainingConfig();
    const dataset = await this.dataset(config);
    await this.tensors(config);
    const chosen = await withAutomatic(this.command, config, output);
    const trained = await trainRun(chosen, { output, context, options: { resume: "if-possible" } });
    if (trained.last.type === "interrupted") return;

    const request = { ...this.request(dataset, words), model: config.model };
    const adapters = [{ path: trained.last.folder, scale: 1 }];
    const song = await generateSong({ ...request, adapters, output: paths.song }, output, context.signal);
    if (words.compare === true) {
      await generateSong({ ...request, output: paths.songWithout }, output, context.signal);
    }
    const made = {
      dataset: paths.dataset,
      tensors: paths.tensors,
      adapter: trained.last.folder,
      song: song.file,
      ...(words.compare === true ? { songWithout: paths.songWithout } : {}),
    };
    output.result({ type: "result", ...made, heldOut: trained.heldOut ?? null }, () =>
      renderTable(
        [{ title: "" }, { title: "" }],
        Object.entries(made).map(([what, path]) => [what, output.path(path)]),
      ).trimStart(),
    );
  }

  private trainingConfig(): TrainConfigInput {
    const { command, paths } = this;
    command.setOptionValue("output", paths.run);
    return { validationEvery, ...trainingConfig(command, paths.tensors) };
  }

  /** An existing dataset.json is kept: it may have been edited. */
  private async dataset({ trigger, model }: TrainConfigInput): Promise<Dataset> {
    const { output, paths, context } = this;
    if (existsSync(paths.dataset)) {
      output.say(`${output.path(paths.dataset)} is kept; remove it to scan again`);
      return (await loadDataset(paths.dataset, { missingAudio: "keep" })).dataset;
    }
    const tag = trigger === undefined ? {} : { customTag: trigger };
    const { dataset } = await scan(this.songs, tag, output, context.signal);
    saveDataset(paths.dataset, dataset);
    output.say(`\n${songTable(dataset, output)}\n`);
    const findings = await check(
      dataset,
      dirname(paths.dataset),
      tokenCounter(model),
      output,
      context.signal,
    );
    for (const { severity, message, fix } of findings) {
      if (severity !== "info") output.warn(`${message}; ${fix}`);
    }
    return dataset;
  }

  private async tensors({ model, seed, device, threads }: TrainConfigInput): Promise<void> {
    const { command, paths, output, context } = this;
    const made = await preprocessSongs(
      {
        dataset: paths.dataset,
        output: paths.tensors,
        model,
        ...(seed === undefined ? {} : { seed }),
        ...(threads === undefined ? {} : { threads }),
        // `--device` speaks of the music model; the other networks take CUDA where onnxruntime has it, and say so.
        ...(device === "cpu" ? { device } : {}),
        ...(device === undefined ? {} : { musicDevice: device as DeviceName }),
        ...givenOptions(command, OwnSettings),
      },
      output,
      context.signal,
    );
    if (made.type === "done" && made.made + made.skipped === 0) {
      throw new AceError("ERR_FILE", `${this.songs}: no song could be preprocessed; the reasons stand above`);
    }
  }

  private request(dataset: Dataset, words: RunWords) {
    const [first] = dataset.samples;
    const caption = words.caption ?? promptCaptions(dataset)[0] ?? "";
    const durationS =
      words.duration === undefined ? Math.min(first?.duration ?? 0, longestSampleS) : Number(words.duration);
    if (!(durationS >= 1))
      throw new AceError(
        "ERR_CONFIG",
        `--duration: expected seconds, at least 1, got ${words.duration ?? String(durationS)}`,
      );
    return {
      caption,
      durationS,
      ...(first === undefined
        ? {}
        : {
            lyrics: first.lyrics,
            language: first.language,
            keyscale: first.keyscale,
            timesignature: first.timesignature,
          }),
      ...(first?.bpm == null ? {} : { bpm: Math.round(first.bpm) }),
    };
  }
}
