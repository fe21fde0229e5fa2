import { exitCodes } from "./failure.js";
import { main } from "./main.js";
import { processTerminal } from "./terminal.js";

/** Runs the command line of this process: signals, a terminal or reader that goes away, the exit code. */
export async function runFromShell(): Promise<void> {
  const interrupted = new AbortController();
  const stopNow = new AbortController();
  const interrupt = (): void => {
    // The first asks the work to stop and save, the second to stop without; the third does not ask.
    if (stopNow.signal.aborted) process.exit(exitCodes.interrupted);
    if (interrupted.signal.aborted) stopNow.abort();
    interrupted.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  // A closed window, as Windows and as others say it. It sends more than one signal: only what was asked by hand counts.
  const leave = (): void => {
    interrupted.abort();
  };
  process.on("SIGHUP", leave);
  process.on("SIGBREAK", leave);
  const unread = new AbortController();
  const unheard = (error: NodeJS.ErrnoException): void => {
    // The reader (`| head`) or the terminal went away: there is nobody left to tell, and work in hand is saved.
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
    unread.abort();
    interrupted.abort();
  };
  process.stdout.on("error", unheard);
  process.stderr.on("error", unheard);
  const exitCode = await main(process.argv.slice(2), {
    terminal: processTerminal(),
    signal: interrupted.signal,
    stopNow: stopNow.signal,
  });
  process.exitCode = unread.signal.aborted ? exitCodes.done : exitCode;
}
