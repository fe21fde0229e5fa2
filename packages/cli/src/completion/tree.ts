import type { Command, Option } from "commander";

/** What may follow one command, by its path such as `dataset tags`; the program itself is the empty path. */
export interface CompletionNode {
  readonly path: string;
  /** Names of the commands below it. */
  readonly commands: readonly string[];
  /** `--rank`, `-o`: the flags that the help shows. */
  readonly flags: readonly string[];
  /** What its arguments may be, where that is a fixed list. */
  readonly choices: readonly string[];
}

/** Every command with what may follow it, from the tree that parses the command line. */
export function completionTree(command: Command, path: readonly string[] = []): CompletionNode[] {
  const own: CompletionNode = {
    path: path.join(" "),
    commands: command.commands.map((child) => child.name()),
    flags: [...command.options.filter(({ hidden }) => !hidden).flatMap(namesOf), "--help"],
    choices: [...new Set(command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []))],
  };
  return [own, ...command.commands.flatMap((child) => completionTree(child, [...path, child.name()]))];
}

function namesOf({ short, long }: Option): string[] {
  return [short, long].filter((name) => name !== undefined);
}
