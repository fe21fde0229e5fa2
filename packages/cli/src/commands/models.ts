import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { AceError, formatBytes } from "@acewright/core-native";
import {
  checkPins,
  discoverModels,
  downloadModel,
  officialModels,
  variantSampling,
  type VariantSampling,
} from "@acewright/dataset";
import { Command, Option } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { layDown, toyFolders } from "../models/toy.js";
import { verifyModels } from "../models/verify.js";
import type { PartReport } from "../models/verify.js";
import { renderTable } from "../render/table.js";
import { takesSetting } from "../settings/apply.js";
import { settingValue } from "../settings/values.js";

const whereDefault = "the setting models, else checkpoints";

export function modelsCommand(context: Context): Command {
  return new Command("models")
    .description("checkpoints: list, download and check them, or lay down the small toy model")
    .addCommand(listCommand(context))
    .addCommand(downloadCommand(context))
    .addCommand(verifyCommand(context))
    .addCommand(toyCommand(context));
}

function listCommand(context: Context): Command {
  return leafCommand({
    name: "list",
    summary: "what can be downloaded, and what lies in a folder of checkpoints",
    examples: ["models list", "models list checkpoints --json"],
  })
    .argument("[dir]", `folder of checkpoints; default: ${whereDefault}`)
    .action((given: string | undefined, _options: object, command: Command) => {
      const output = outputOf(command, context);
      const dir = given ?? settingValue("models").value;
      const found = discoverModels(resolve(dir));
      const official = officialModels.map((model) =>
        model.kind === "music"
          ? { ...model, sampling: variantSampling({ isTurbo: model.name.includes("turbo") }, model.name) }
          : model,
      );
      output.result({ official, found }, () => {
        const here = (name: string) => (existsSync(join(dir, name, "config.json")) ? "here" : "");
        const rows = official.map((model) => [
          model.name,
          model.kind,
          "sampling" in model ? played(model.sampling) : "",
          model.about,
          here(model.name),
        ]);
        const own = found
          .filter((model) => !officialModels.some(({ name }) => name === model.name))
          .map(({ name, base, sampling }) => [
            name,
            "music",
            played(sampling),
            `a fine-tune, sampled like ${base}`,
            "here",
          ]);
        return renderTable(
          [
            { title: "name" },
            { title: "kind" },
            { title: "played with" },
            { title: "what for", wraps: true },
            { title: dir, wraps: true },
          ],
          [...rows, ...own],
          output.cells,
        );
      });
      for (const warning of found.flatMap(({ warnings }) => warnings)) output.warn(warning);
    });
}

/** `8 steps, shift 3`, `50 steps, guidance 7` */
function played({ steps, shift, guidance }: VariantSampling): string {
  return `${steps} steps, ${guidance === 1 ? `shift ${shift}` : `guidance ${guidance}`}`;
}

function downloadCommand(context: Context): Command {
  return leafCommand({
    name: "download",
    summary: "bring a model, or go on where a download was interrupted",
    examples: [
      "models download acestep-v15-turbo -o checkpoints",
      "models download vae Qwen3-Embedding-0.6B -o checkpoints",
      "models download someone/their-fine-tune -o checkpoints --revision v2",
    ],
    notes:
      "Files are held against the server's own hashes, which are pinned beside them. HF_ENDPOINT, or the setting endpoint, names a mirror; HF_TOKEN is sent to the official server alone.",
  })
    .argument("<names...>", "names of `models list`, or org/repo[:folder]")
    .addOption(
      takesSetting(
        new Option("-o, --output <dir>", "folder of checkpoints").default("checkpoints", whereDefault),
        "models",
      ),
    )
    .option("--revision <name>", "branch, tag or commit", "main")
    .option("--send-token-to-mirror", "also send HF_TOKEN to the server of HF_ENDPOINT")
    .action(async (names: string[], words: DownloadWords, command: Command) => {
      const output = outputOf(command, context);
      for (const name of names) {
        const bar = output.progress(name, "MB");
        const report = await downloadModel(name, {
          output: resolve(words.output),
          revision: words.revision,
          sendTokenToMirror: words.sendTokenToMirror === true,
          endpoint: endpointSet(),
          signal: context.signal,
          onProgress: ({ file, doneBytes, earlierBytes, totalBytes }) => {
            bar.update(doneBytes / 1e6, totalBytes / 1e6, file, { earlier: earlierBytes / 1e6 });
          },
        });
        bar.finish();
        output.result(
          report,
          () =>
            `${output.path(report.folder)}: ${report.brought.length} files brought (${formatBytes(report.bytes)}), ${report.kept.length} were there`,
        );
      }
      const lacking = neededByAll.filter((name) => !existsSync(join(words.output, name, "config.json")));
      if (lacking.length > 0)
        output.say(`also needed: acewright models download ${lacking.join(" ")} -o ${words.output}`);
    });
}

/** The server of a setting; HF_ENDPOINT is read where it always was. */
function endpointSet(): string | undefined {
  const { value, from } = settingValue("endpoint");
  return from === "settings" ? value : undefined;
}

/** No music model does anything without them. */
const neededByAll = officialModels
  .filter(({ kind }) => kind === "vae" || kind === "text-encoder")
  .map(({ name }) => name);

interface DownloadWords {
  output: string;
  revision: string;
  sendTokenToMirror?: true;
}

function verifyCommand(context: Context): Command {
  return leafCommand({
    name: "verify",
    summary: "check that a folder of checkpoints is complete and sound",
    examples: [
      "models verify checkpoints",
      "models verify checkpoints/acestep-v15-turbo --json",
      "models verify checkpoints --hashes",
    ],
    notes:
      "Headers, names and shapes are compared with each config.json; weights are not read, so it is quick. --hashes reads every downloaded file and compares it with what was pinned.",
  })
    .argument(
      "[dir]",
      `folder with acestep-v15-*, vae and Qwen3-Embedding-0.6B, or one acestep-v15-* folder; default: ${whereDefault}`,
    )
    .option("--hashes", "also read every downloaded file and compare its hash")
    .action(async (given: string | undefined, { hashes }: { hashes?: true }, command: Command) => {
      const output = outputOf(command, context);
      const dir = given ?? settingValue("models").value;
      const checked = verifyModels(resolve(dir));
      const parts = hashes === true ? await Promise.all(checked.map(withHashes)) : checked;
      const faulty = parts.filter(({ problems }) => problems.length > 0);
      output.result({ ok: faulty.length === 0, parts }, () =>
        parts
          .flatMap(({ part, detail, problems }) =>
            problems.length === 0
              ? [`${output.colors.green("ok")}       ${part}: ${detail}`]
              : problems.map((problem) => `${output.colors.red("problem")}  ${part}: ${problem}`),
          )
          .join("\n"),
      );
      if (faulty.length > 0) {
        const names = faulty.map(({ part }) => part).join(", ");
        throw new AceError("ERR_CHECKPOINT", `${dir}: not usable (${names}); download these parts again`);
      }
    });
}

async function withHashes(part: PartReport): Promise<PartReport> {
  const changed = await checkPins(part.folder);
  if (changed === undefined) return { ...part, detail: `${part.detail}, no hashes pinned` };
  return { ...part, detail: `${part.detail}, hashes compared`, problems: [...part.problems, ...changed] };
}

function toyCommand(context: Context): Command {
  return leafCommand({
    name: "toy",
    summary: "write the toy checkpoint: really trained, 2.7 M parameters, in the official layout",
    examples: ["models toy toy/checkpoints --songs toy/songs"],
    notes: "It sounds rough and is meant for trying things out and for tests, not for music.",
  })
    .argument("<dir>", "new or empty folder for the checkpoints")
    .option("--songs <dir>", "also write its three example songs with their captions there")
    .action((dir: string, options: { songs?: string }, command: Command) => {
      const output = outputOf(command, context);
      const toy = toyFolders();
      layDown(toy.checkpoints, resolve(dir));
      if (options.songs !== undefined) layDown(toy.songs, resolve(options.songs));
      const written = {
        checkpoints: resolve(dir),
        songs: options.songs === undefined ? null : resolve(options.songs),
      };
      output.result(
        written,
        () => `toy checkpoint: ${dir}${options.songs === undefined ? "" : `\nits songs: ${options.songs}`}`,
      );
    });
}
