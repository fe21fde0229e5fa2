import { presets, train } from "@acewright/trainer";
import type { TrainConfigInput, TrainEvent, TrainOptions } from "@acewright/trainer";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { withAutomatic } from "../automatic.js";
import { trainingConfig, trainingOptions } from "../config-words.js";
import { noticeOption, withNotice } from "../notify/notify.js";
import type { NoticeWay } from "../notify/ways.js";
import type { Output } from "../output.js";
import { TrainView } from "../render/train-view.js";

export function trainCommand(context: Context): Command {
  const command = leafCommand({
    name: "train",
    summary: "train an adapter on preprocessed songs",
    examples: [
      "train tensors -o runs/first --model checkpoints/acestep-v15-turbo",
      "train tensors -o runs/kr --model checkpoints --adapter lokr --learning-rate 1e-3 --epochs 500",
      "train tensors -o runs/first --model checkpoints --preset quick_test",
      "train tensors -o runs/first --model checkpoints --preset auto",
      "train --resume runs/first",
    ],
    notes: `Presets:\n${presetLines()}\n\nCtrl-C stops after the step in hand and saves; --resume goes on bit for bit.`,
  })
    .argument("[tensors]", "folder that `acewright preprocess` wrote; with --resume the run to go on with")
    .option(
      "--resume",
      "go on with a run, with its own settings; the folder is the run's, or --output names it",
    )
    .option(
      "--allow-changes",
      "resume although settings differ; it is then another run than an uninterrupted one",
    )
    .option("--allow-too-large", "start although the plan says that the device's memory does not suffice");
  return noticeOption(trainingOptions(command)).action(
    async (tensors: string | undefined, words: TrainWords) => {
      const output = outputOf(command, context);
      const config = await withAutomatic(command, trainingConfig(command, tensors), output);
      if (words.output === undefined) output.say(`run: ${output.path(config.output)}`);
      await withNotice(words.notify ?? [], { run: config.output, output }, async () => {
        const { last } = await trainRun(config, {
          output,
          context,
          options: {
            ...(words.resume === undefined ? {} : { resume: true }),
            ...(words.allowChanges === undefined ? {} : { allowChanges: true }),
            ...(words.allowTooLarge === undefined ? {} : { allowTooLarge: true }),
          },
        });
        return {
          status: last.type,
          text: `${output.path(config.output)}: ${last.type} at step ${last.step}`,
        };
      });
    },
  );
}

interface TrainWords {
  resume?: true;
  allowChanges?: true;
  allowTooLarge?: true;
  output?: string;
  notify?: NoticeWay[];
}

function presetLines(): string {
  const automatic = {
    name: "auto",
    description:
      "Rank, batch, recompute and more for this device's memory and these songs; see plan --suggest",
  };
  return [...Object.values(presets), automatic]
    .map(({ name, description }) => `  ${name.padEnd(16)}${description}`)
    .join("\n");
}

/** How a training run is shown and stopped. */
export interface TrainRun {
  readonly output: Output;
  readonly context: Context;
  readonly options: Omit<TrainOptions, "signal" | "stopNow">;
}

/** What a run came to. */
export interface TrainResult {
  readonly last: Extract<TrainEvent, { type: "finished" | "interrupted" }>;
  readonly heldOut: TrainView["heldOut"];
}

/** Trains with a bar, or JSON events. */
export async function trainRun(
  config: TrainConfigInput,
  { output, context, options }: TrainRun,
): Promise<TrainResult> {
  const view = new TrainView(output);
  const { signal, stopNow } = context;
  let last: TrainEvent | undefined;
  try {
    for await (const event of train(config, { ...options, signal, stopNow })) {
      output.event(event);
      view.show(event);
      last = event;
    }
  } finally {
    view.clear();
  }
  if (last?.type !== "finished" && last?.type !== "interrupted")
    throw new Error("training ended without saying so");
  return { last, heldOut: view.heldOut };
}
