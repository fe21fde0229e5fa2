import { AceError, formatBytes } from "@acewright/core-native";
import { labelDataset, LabelSettings, loadDataset } from "@acewright/dataset";
import type { LabelDatasetOptions, LabelEvent, LabelPhase } from "@acewright/dataset";
import type { Command } from "commander";
import { basename, resolve } from "node:path";
import { leafCommand, modelOption, outputOf, type Context } from "../../command.js";
import { gather } from "../../gather.js";
import { givenOptions, optionsFromSchema } from "../../options-from-schema.js";
import type { Output } from "../../output.js";
import type { Progress } from "../../render/progress.js";
import { changeTable } from "./dataset-change.js";

interface LabelWords {
  model: string;
  lm?: string;
  lmServer?: string;
  lmName?: string;
  vae?: string;
  tensors?: string;
  allowRoot?: string[];
  dryRun?: true;
}

/** `dataset label`: captions, metadata and lyrics by the 5 Hz language model. */
export function labelCommand(context: Context): Command {
  const command = leafCommand({
    name: "label",
    summary: "describe songs with the 5 Hz language model: caption, genre, language, lyrics, tempo and key",
    examples: [
      "dataset label dataset.json --model checkpoints --lm checkpoints/acestep-5Hz-lm-1.7B",
      "dataset label dataset.json --model checkpoints --lm checkpoints/acestep-5Hz-lm-0.6B --only-unlabeled --skip-metas",
      "dataset label dataset.json --model checkpoints --lm-server http://localhost:8000/v1 --lm-name acestep-5Hz-lm-4B",
      "dataset label dataset.json --model checkpoints --lm checkpoints/acestep-5Hz-lm-4B --format-lyrics --dry-run",
      "dataset label dataset.json --model checkpoints --lm checkpoints/acestep-5Hz-lm-4B --overwrite caption,genre --seed 7",
    ],
    notes:
      "What is there is kept; --overwrite names fields to write over. Your own lyrics are never replaced, only structured with\n" +
      "--format-lyrics. The model guesses tempo and key: where `dataset analyze` heard them, its values are taken and the difference\n" +
      "is told. Lyrics are written for songs that have a voice and no words (is_instrumental false). Audio becomes codes first, for\n" +
      "all songs, then the language model is loaded; what either needs is told before. Interrupt it whenever you like: the same\n" +
      "command goes on where it was. A key for a server is read from OPENAI_API_KEY, if it is set; `dataset undo` takes it all back.",
  })
    .argument("<file>", "dataset.json")
    .addOption(modelOption())
    .option("--lm <dir>", "folder of the language model: acestep-5Hz-lm-0.6B, -1.7B or -4B")
    .option("--lm-server <url>", "OpenAI-compatible server that runs it, instead of --lm")
    .option("--lm-name <name>", "the server's name for its model")
    .option("--vae <dir>", "autoencoder, when it does not lie beside the model")
    .option("--tensors <dir>", "preprocessed songs, whose latents are taken instead of encoding again")
    .option(
      "--allow-root <dir>",
      "folder that relative audio paths with .. may lead into (repeatable)",
      gather,
    )
    .option("-n, --dry-run", "show what would change, write nothing");
  return optionsFromSchema(command, LabelSettings).action(async (file: string, words: LabelWords) => {
    const output = outputOf(command, context);
    const done = await labelSongs(
      {
        dataset: resolve(file),
        model: resolve(words.model),
        ...(words.lm === undefined ? {} : { lm: resolve(words.lm) }),
        ...(words.lmServer === undefined ? {} : { lmServer: words.lmServer }),
        ...(words.lmName === undefined ? {} : { lmName: words.lmName }),
        ...(words.vae === undefined ? {} : { vae: resolve(words.vae) }),
        ...(words.tensors === undefined ? {} : { tensors: resolve(words.tensors) }),
        allowRoots: words.allowRoot ?? [],
        dryRun: words.dryRun === true,
        ...givenOptions(command, LabelSettings),
      },
      output,
      context.signal,
    );
    if (done.failed > 0) {
      throw new AceError(
        "ERR_FILE",
        `${file}: ${done.failed} songs are not labelled; the reasons stand above`,
      );
    }
  });
}

type Done = Extract<LabelEvent, { type: "done" }>;

/** Labels with a bar for each phase, or JSON events. Songs that failed are told and counted. */
async function labelSongs(options: LabelDatasetOptions, output: Output, signal: AbortSignal): Promise<Done> {
  const { allowRoots = [] } = options;
  const { dataset } = await loadDataset(options.dataset, { allowRoots, missingAudio: "keep" });
  const view = new LabelView(
    output,
    dataset.samples.map(({ filename, audio_path }) => filename || basename(audio_path)),
  );
  let done: Done | undefined;
  try {
    for await (const event of labelDataset({ ...options, signal })) {
      output.event(event.type === "failed" ? { ...event, error: event.error.message } : event);
      view.show(event);
      if (event.type === "done") done = event;
    }
  } finally {
    view.clear();
  }
  if (done === undefined) throw new AceError("ERR_INTERNAL", "labelling ended without saying so");
  const { changes } = done;
  if (changes.length > 0) output.say(changeTable(dataset, changes, output));
  return done;
}

const phaseNames: Readonly<Record<LabelPhase, string>> = {
  codes: "audio to codes",
  answers: "language model",
};

/** Draws what labelling tells: one bar a phase. */
class LabelView {
  private bar: Progress | undefined;

  constructor(
    private readonly output: Output,
    private readonly names: readonly string[],
  ) {}

  show(event: LabelEvent): void {
    const { output } = this;
    switch (event.type) {
      case "start":
        output.say(`${event.songs} songs; networks run on ${event.device} (${event.deviceReason})`);
        return;
      case "memory":
        output.say(
          `${phaseNames[event.phase]}: needs ${event.words}, ${formatBytes(event.freeBytes)} are free`,
        );
        return;
      case "phase":
        this.finishBar();
        if (event.songs > 0) this.bar = output.progress(phaseNames[event.phase], "song");
        return;
      case "progress": {
        const { songsDone, fraction, songs, tokensPerSecond } = event;
        const pace = tokensPerSecond === undefined ? "" : `${tokensPerSecond.toFixed(1)} tokens/s`;
        this.bar?.update(songsDone + fraction, songs, `${this.name(event.index)} ${pace}`.trim());
        return;
      }
      case "warning":
        this.warn(event.index, event.message);
        return;
      case "failed":
        this.warn(event.index, `is left as it is: ${event.error.message}`);
        return;
      case "labelled":
        for (const note of event.notes) this.warn(event.index, note);
        return;
      case "done": {
        this.finishBar();
        const { labelled, skipped, failed, written, path } = event;
        const where = output.path(path);
        const end = written
          ? `written: ${where}; acewright dataset undo ${where} takes it back`
          : "nothing was written";
        output.say(`${labelled} songs labelled, ${skipped} left alone, ${failed} failed; ${end}`);
        return;
      }
      case "skipped":
        return;
    }
  }

  clear(): void {
    this.bar?.clear();
  }

  private name(index: number): string {
    return this.names[index] ?? "";
  }

  private warn(index: number | undefined, message: string): void {
    this.clear();
    this.output.warn(index === undefined ? message : `${this.name(index)}: ${message}`);
  }

  private finishBar(): void {
    this.bar?.finish();
    this.bar = undefined;
  }
}
