import { exitCodes } from "./failure.js";
import { main } from "./main.js";
import { processTerminal } from "./terminal.js";

/** Runs the command line of this process: signals, a closed pipe, the exit code. */
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
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // The reader (`| head`) went away: there is nobody left to tell.
    if (error.code === "EPIPE") process.exit(exitCodes.done);
    throw error;
  });
  process.exitCode = await main(process.argv.slice(2), {
    terminal: processTerminal(),
    signal: interrupted.signal,
    stopNow: stopNow.signal,
  });
}
