import * as z from "zod";
import { noticeWays } from "../notify/ways.js";

/**
 * What this machine's commands take where a line does not say it. A setting stands here only because commands read it; none
 * holds a secret. `variable` is the environment's word for it, which wins over the file; `folder` marks a path, kept absolute.
 */
export const Settings = z.strictObject({
  models: z
    .string()
    .min(1)
    .default("checkpoints")
    .describe(
      "Folder of checkpoints: --model where it is not given, and where `models` commands look and download to",
    )
    .meta({ variable: "ACEWRIGHT_MODELS", folder: true }),
  runs: z
    .string()
    .min(1)
    .optional()
    .describe("Folder of runs: `runs list` looks there, and `train` without --output makes a new run in it")
    .meta({ variable: "ACEWRIGHT_RUNS", folder: true }),
  endpoint: z
    .string()
    .superRefine((text, context) => {
      if (!isPlainAddress(text))
        context.addIssue({ code: "custom", message: "expected an http or https address without a password" });
    })
    .optional()
    .describe(
      "Server that `models download` takes models from instead of https://huggingface.co, such as a mirror",
    )
    .meta({ variable: "HF_ENDPOINT" }),
  plain: z
    .boolean()
    .default(false)
    .describe("Draw no bars, charts or colours, as --plain")
    .meta({ variable: "ACEWRIGHT_PLAIN" }),
  notify: z
    .array(z.enum(noticeWays))
    .default([])
    .describe("How to be told when a training ends, as --notify; `--notify none` leaves it out once")
    .meta({ variable: "ACEWRIGHT_NOTIFY" }),
  threads: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe("Cores of the CPU to use, as --threads of every command that has it")
    .meta({ variable: "ACEWRIGHT_THREADS" }),
});

/** The settings as a file: versioned, so that a later program can tell what it reads. */
export const SettingsFile = Settings.partial().extend({
  version: z.literal(1).describe("Version of the file's form"),
});

export type SettingKey = keyof z.infer<typeof Settings>;
export const settingKeys = Object.keys(Settings.shape) as SettingKey[];

export function isSetting(name: string): name is SettingKey {
  return Object.hasOwn(Settings.shape, name);
}

function isPlainAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search } = new URL(text);
  return /^https?:$/.test(protocol) && `${username}${password}${search}` === "";
}
