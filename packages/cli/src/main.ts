import { CommanderError } from "commander";
import picocolors from "picocolors";
import type { Context } from "./command.js";
import { exitCodes, failureOf } from "./failure.js";
import { acewrightProgram } from "./program.js";

/**
 * Runs one command line and answers with the exit code: 0 done, 1 a fault of ours, 2 the input is at fault,
 * 130 interrupted. Nothing is thrown; an error becomes one line on the terminal's error side.
 *
 * @param args the words after `acewright`
 */
export async function main(args: readonly string[], context: Context): Promise<number> {
  try {
    const program = acewrightProgram(context);
    if (args.length === 0) {
      const { person } = context;
      if (person === undefined) return program.help();
      // Loaded only where it is used: every command starts without it.
      const { Wizard } = await import("./wizard/wizard.js");
      return await new Wizard(context, person).run();
    }
    await program.parseAsync(args, { from: "user" });
    return context.signal.aborted ? exitCodes.interrupted : exitCodes.done;
  } catch (error) {
    return report(error, context, args.includes("--json"));
  }
}

function report(error: unknown, { terminal }: Context, json: boolean): number {
  const failure = failureOf(error);
  // Help, asked for or shown instead of a missing subcommand, has said everything; so has the version.
  if (error instanceof CommanderError && (error.exitCode === 0 || error.code === "commander.help")) {
    return failure.exitCode;
  }
  if (process.env["ACEWRIGHT_DEBUG"] === "1" && error instanceof Error)
    terminal.err(`${error.stack ?? ""}\n`);
  const { code, message, advice } = failure;
  if (json) terminal.err(`${JSON.stringify({ error: { code, message, advice } })}\n`);
  else terminal.err(`${picocolors.createColors(terminal.color).red("error:")} ${message}\n`);
  return failure.exitCode;
}
