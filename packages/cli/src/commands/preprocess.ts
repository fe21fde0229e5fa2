import { basename, resolve } from "node:path";
import { AceError, ConditionEncoder, formatBytes, openDevice } from "@acewright/core-native";
import type { DeviceName } from "@acewright/core-native";
import { preprocess, PreprocessSettings } from "@acewright/dataset";
import type { PreprocessEvent, PreprocessOptions, PreprocessPhase } from "@acewright/dataset";
import type { Command } from "commander";
import { leafCommand, modelOption, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { givenOptions, optionsFromSchema } from "../options-from-schema.js";
import type { Output } from "../output.js";
import type { Progress } from "../render/progress.js";
import { gather } from "../gather.js";
import { formatCounted, formatDuration } from "../render/units.js";

interface PreprocessWords {
  output: string;
  model: string;
  vae?: string;
  textEncoder?: string;
  allowRoot?: string[];
  dryRun?: true;
}

export function preprocessCommand(context: Context): Command {
  const command = leafCommand({
    name: "preprocess",
    summary: "turn songs, captions and lyrics into tensors, once; what is there already is kept",
    examples: [
      "preprocess dataset.json -o tensors --model checkpoints/acestep-v15-turbo",
      "preprocess dataset.json -o tensors --model checkpoints --max-duration-s 240",
      "preprocess dataset.json -o tensors --model checkpoints --dry-run",
      "preprocess dataset.json -o tensors --model checkpoints --chunks structure --normalize lufs --variants pitch=2,tempo=0.95",
    ],
    notes: "Interrupt it whenever you like: the same command goes on where it was.",
  })
    .argument("<file>", "dataset.json")
    .requiredOption("-o, --output <dir>", "folder for the tensors")
    .addOption(modelOption())
    .option(
      "--dry-run",
      "say what would be made, kept or made again and why, and what it takes; write nothing",
    )
    .option("--vae <dir>", "autoencoder, when it does not lie beside the model")
    .option("--text-encoder <dir>", "Qwen3-Embedding-0.6B, when it does not lie beside the model")
    .option(
      "--allow-root <dir>",
      "folder that relative audio paths with .. may lead into (repeatable)",
      gather,
    );
  return optionsFromSchema(command, PreprocessSettings).action(
    async (file: string, words: PreprocessWords) => {
      const output = outputOf(command, context);
      const result = await preprocessSongs(
        {
          ...(words.dryRun === undefined ? {} : { dryRun: true }),
          dataset: resolve(file),
          output: resolve(words.output),
          model: resolve(words.model),
          ...(words.vae === undefined ? {} : { vae: resolve(words.vae) }),
          ...(words.textEncoder === undefined ? {} : { textEncoder: resolve(words.textEncoder) }),
          allowRoots: words.allowRoot ?? [],
          ...givenOptions(command, PreprocessSettings),
        },
        output,
        context.signal,
      );
      if (result.failed > 0) {
        throw new AceError(
          "ERR_FILE",
          `${file}: ${formatCounted(result.failed, "song")} without tensors; the reasons stand above`,
        );
      }
    },
  );
}

/** What to preprocess, and where the music model's condition encoder runs: default where the other networks do. */
export interface PreprocessWork extends Omit<PreprocessOptions, "openConditionNetwork" | "signal"> {
  readonly musicDevice?: DeviceName;
}

type Last = Extract<PreprocessEvent, { type: "done" | "planned" }>;

/** Preprocesses with a bar for each phase, or JSON events. Songs that failed are told and counted. */
export async function preprocessSongs(
  { musicDevice, ...options }: PreprocessWork,
  output: Output,
  signal: AbortSignal,
): Promise<Last> {
  const view = new PreprocessView(output, options.dryRun === true);
  const openConditionNetwork = (folder: string): Promise<ConditionEncoder> => {
    const { threads } = options;
    const name = musicDevice ?? options.device ?? "auto";
    const device = openDevice(name, threads === undefined ? {} : { threads });
    if (device.info.note !== undefined) {
      view.clear();
      output.say(device.info.note);
    }
    return ConditionEncoder.open(folder, { device });
  };
  let last: Last | undefined;
  try {
    for await (const event of preprocess({ ...options, signal, openConditionNetwork })) {
      output.event(event.type === "failed" ? { ...event, error: event.error.message } : event);
      view.show(event);
      if (event.type === "done" || event.type === "planned") last = event;
    }
    if (last !== undefined) return last;
  } finally {
    view.clear();
  }
  throw new AceError("ERR_INTERNAL", "preprocessing ended without saying so");
}

const phaseNames: Readonly<Record<PreprocessPhase, string>> = {
  latents: "audio to latents",
  prompts: "captions and lyrics",
  conditions: "condition states",
};

function songsAndPieces({ songs, pieces }: { songs: number; pieces: number }): string {
  return pieces === songs
    ? formatCounted(songs, "song")
    : `${formatCounted(songs, "song")} in ${pieces} pieces`;
}

function plannedWords(
  {
    pending,
    skipped,
    failed,
    audioS,
    tensorsBytes,
    peakBytes,
    freeBytes,
    seconds,
  }: Extract<PreprocessEvent, { type: "planned" }>,
  isDryRun: boolean,
): string {
  const others = `${skipped} kept, ${failed} failed`;
  const time = seconds === undefined ? "" : `, about ${formatDuration(seconds)} of work as measured here`;
  const disk = `${formatBytes(tensorsBytes)} on the disk, at most ${formatBytes(peakBytes)} at once of ${formatBytes(freeBytes)} free`;
  return `${pending} to make (${formatDuration(audioS)} of audio to encode${time}; ${disk}), ${others}${isDryRun ? "; nothing was written" : ""}`;
}

/** Draws what preprocessing tells: one bar a phase. */
class PreprocessView {
  private bar: Progress | undefined;

  constructor(
    private readonly output: Output,
    private readonly isDryRun: boolean,
  ) {}

  show(event: PreprocessEvent): void {
    const { output } = this;
    switch (event.type) {
      case "start":
        output.say(`${songsAndPieces(event)}; encoders run on ${event.device} (${event.deviceReason})`);
        return;
      case "phase":
        this.finishBar();
        if (event.songs > 0) this.bar = output.progress(phaseNames[event.phase], "song");
        return;
      case "progress":
        this.bar?.update(
          event.songsDone + event.fraction,
          event.songs,
          "",
          // Songs differ in length; where no header tells it, they count alike.
          event.phase === "latents" && event.audioS > 0
            ? { work: { done: event.audioDoneS, total: event.audioS } }
            : undefined,
        );
        return;
      case "warning":
        this.clear();
        output.warn(event.message);
        return;
      case "failed":
        this.clear();
        output.warn(`${basename(event.audioFile)} is left out: ${event.error.message}`);
        return;
      case "done":
        this.finishBar();
        output.say(
          `tensors: ${event.made} made, ${event.skipped} kept, ${event.failed} failed: ${output.path(event.folder)}`,
        );
        return;
      case "planned":
        output.say(plannedWords(event, this.isDryRun));
        return;
      case "stale":
        if (this.isDryRun) output.say(`${event.file}: to be made again, ${event.reason}`);
        return;
      case "skipped":
      case "made":
        return;
    }
  }

  clear(): void {
    this.bar?.clear();
  }

  private finishBar(): void {
    this.bar?.finish();
    this.bar = undefined;
  }
}
