import type { Command } from "commander";
import { acewrightProgram } from "../src/program.js";
import { recordingTerminal } from "./recording-terminal.js";

export function program(): Command {
  const never = new AbortController().signal;
  return acewrightProgram({ terminal: recordingTerminal({ columns: 1000 }), signal: never, stopNow: never });
}

/** The commands that do something, each with its path such as "dataset tags set". */
export function leaves(command: Command, path: readonly string[] = []): { path: string; command: Command }[] {
  if (command.commands.length === 0) return [{ path: path.join(" "), command }];
  return command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
}

/** Words of a line as a shell splits them; double quotes only. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

/** Resolves to true for words after `acewright` that a command takes, its settings included; rejects with what is wrong. */
export async function isTaken(line: string): Promise<true> {
  const whole = program();
  for (const { command } of leaves(whole)) command.action(() => undefined);
  await whole.parseAsync(words(line), { from: "user" });
  return true;
}
