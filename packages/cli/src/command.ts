import type { Readable, Writable } from "node:stream";
import { Command, Option } from "commander";
import { Output } from "./output.js";
import { takesSetting } from "./settings/apply.js";
import type { Terminal } from "./terminal.js";

/** What a command is given besides its words. */
export interface Context {
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C: stop at the next safe point, keep what is done. */
  readonly signal: AbortSignal;
  /** Aborted by a second Ctrl-C: end at once, without saving. */
  readonly stopNow: AbortSignal;
  /** Who can be asked; absent where nobody sits at a terminal. */
  readonly person?: Person;
}

/** A person at a terminal. */
export interface Person {
  /** Where keys come from, one by one. */
  readonly input: Readable;
  /** Where questions are drawn. */
  readonly output: Writable;
  /** Does a piece of work that Ctrl-C ends by itself: what comes after it goes on. */
  during<T>(work: (signals: Pick<Context, "signal" | "stopNow">) => Promise<T>): Promise<T>;
}

/** What every command shares: one line of help, examples, `--json` and `--plain`. */
export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  /** Command lines without the leading `acewright`. */
  readonly examples: readonly string[];
  /** Shown between the options and the examples. */
  readonly notes?: string;
}

/** A command that does something, with the options every such command has. */
export function leafCommand(words: CommandWords): Command {
  const examples = words.examples.map((line) => `  acewright ${line}\n`).join("");
  const notes = words.notes === undefined ? "" : `\n${words.notes.trimEnd()}\n`;
  return new Command(words.name)
    .description(words.summary)
    .option("--json", "print the result as JSON, one value a line, and draw nothing")
    .addOption(takesSetting(new Option("--plain", "draw no bars, charts or colours"), "plain"))
    .addHelpText("after", `${notes}\nExamples:\n${examples}`);
}

/** `--model` of the commands that need one: the `models` setting where it is not given. */
export function modelOption(): Option {
  const option = new Option(
    "-m, --model <dir>",
    "folder of a music model (acestep-v15-*, a fine-tune), or the folder of checkpoints that holds it",
  ).default("checkpoints", "the setting models, else checkpoints");
  return takesSetting(option, "models");
}

/** How the command now running speaks, by its `--json` and `--plain`. */
export function outputOf(command: Command, context: Context): Output {
  const { json, plain } = command.opts<{ json?: true; plain?: true }>();
  return new Output(context.terminal, { json: json === true, plain: plain === true });
}
