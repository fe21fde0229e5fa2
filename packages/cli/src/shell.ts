import type { Person } from "./command.js";
import { exitCodes } from "./failure.js";
import { Interruptions } from "./interruptions.js";
import { main } from "./main.js";
import { processTerminal } from "./terminal.js";

/** Runs the command line of this process: signals, a terminal or reader that goes away, the exit code. */
export async function runFromShell(): Promise<void> {
  const interruptions = new Interruptions();
  const interrupt = (): void => {
    interruptions.interrupt();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", (): void => {
    interruptions.terminate();
  });
  // A closed window, as Windows and as others say it. It sends more than one signal: only what was asked by hand counts.
  const leave = (): void => {
    interruptions.leave();
  };
  process.on("SIGHUP", leave);
  process.on("SIGBREAK", leave);
  const unread = new AbortController();
  const unheard = (error: NodeJS.ErrnoException): void => {
    // The reader (`| head`) or the terminal went away: there is nobody left to tell, and work in hand is saved.
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
    unread.abort();
    interruptions.leave();
  };
  process.stdout.on("error", unheard);
  process.stderr.on("error", unheard);
  const terminal = processTerminal();
  const person: Person = {
    input: process.stdin,
    output: process.stdout,
    during: (work) => interruptions.during(work),
  };
  const isThere = terminal.interactive && terminal.ask !== undefined;
  const exitCode = await main(process.argv.slice(2), {
    terminal,
    ...interruptions.signals,
    ...(isThere && { person }),
  });
  process.exitCode = unread.signal.aborted ? exitCodes.done : exitCode;
}
