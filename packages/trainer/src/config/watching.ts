import * as z from "zod";

/** What a run keeps and tells on its way. */
export const watchingFields = {
  saveEverySteps: z
    .int()
    .min(1)
    .max(100_000_000)
    .optional()
    .describe("Write a checkpoint each time this many steps are done")
    .meta({ flag: "save-every-steps" }),
  saveEveryEpochs: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10)
    .describe("Write a checkpoint each time this many epochs are done")
    .meta({ flag: "save-every-epochs" }),
  keepCheckpoints: z
    .int()
    .min(0)
    .max(100_000)
    .default(3)
    .describe("How many of the newest checkpoints to keep; 0: all")
    .meta({ flag: "keep-checkpoints" }),
  validationFraction: z
    .number()
    .min(0)
    .max(0.9)
    .default(0)
    .describe(
      "Share of the songs held out from training; 0: validate on the training songs with noise of its own",
    )
    .meta({ flag: "validation-fraction" }),
  validationEvery: z
    .int()
    .min(0)
    .max(100_000_000)
    .default(0)
    .describe("Validate before the first step, each time this many steps are done and at the end; 0: never")
    .meta({ flag: "validation-every" }),
  validationDraws: z
    .int()
    .min(1)
    .max(1024)
    .default(4)
    .describe("Fixed noises and timesteps each validation song is judged with")
    .meta({ flag: "validation-draws" }),
  bestBy: z
    .enum(["auto", "validation", "loss", "never"])
    .default("auto")
    .describe(
      "What decides which adapter is kept in best/: the validation, the mean training loss of five epochs, or nothing; auto: the validation where there is one",
    )
    .meta({ flag: "best-by" }),
  bestAfterEpochs: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(0)
    .describe("Epochs before an adapter can be the best")
    .meta({ flag: "best-after-epochs" }),
  minImprovement: z
    .number()
    .min(0)
    .max(100)
    .default(0)
    .describe("By how much a loss must be lower than the best to count as better")
    .meta({ flag: "min-improvement" }),
  earlyStopPatience: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(0)
    .describe(
      "End the run after so many validations (with bestBy loss: epochs) without a better one; 0: never",
    )
    .meta({ flag: "early-stop-patience" }),
  sampleEvery: z
    .int()
    .min(0)
    .max(100_000_000)
    .default(0)
    .describe(
      "Make songs to listen to before the first step and each time this many steps are done; 0: never",
    )
    .meta({ flag: "sample-every" }),
  samplePrompts: z
    .string()
    .min(1)
    .optional()
    .describe(
      "File of the songs to make, a caption or a JSON object a line; default: the words of the first validation (or training) song",
    )
    .meta({ flag: "sample-prompts" }),
  sampleAudio: z
    .enum(["wav", "flac"])
    .default("wav")
    .describe("Kind of file for the songs made on the way; TensorBoard plays wav alone")
    .meta({ flag: "sample-audio" }),
  logHeavyEvery: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(50)
    .describe(
      "Steps between two looks at what takes more room: how timesteps are spread, the loss by timestep, the gradient's norm by module, the use of the device; 0: never",
    )
    .meta({ flag: "log-heavy-every" }),
  logEvery: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1)
    .describe("Steps between two lines of events.jsonl and two points of TensorBoard")
    .meta({ flag: "log-every" }),
};
