import { writeSync } from "node:fs";
import { nodeFiles, type Files } from "../../src/run/files.js";
import { trainWith } from "../../src/train/train.js";
import { killRun } from "./kill-run.js";

/** Where the child dawdles, so that it can be killed there. */
export interface Dawdle {
  /** The call to linger before. */
  readonly call: "renameSync" | "fsync";
  /** Which of these calls, counted from 0 in this process. */
  readonly nth: number;
}

export async function trainUntilKilled(
  run: string,
  { kind, dawdle }: { readonly kind: string; readonly dawdle: Dawdle | null },
): Promise<void> {
  const parts = { ...killRun(kind).parts(), files: dawdle === null ? nodeFiles : dawdling(dawdle) };
  for await (const event of trainWith(parts, killRun(kind).config(run), { resume: "if-possible" })) {
    // Straight to the pipe: a killed process flushes nothing.
    if (event.type === "started") writeSync(1, `started ${event.step}\n`);
  }
  writeSync(1, "finished\n");
}

function dawdling({ call, nth }: Dawdle): Files {
  let count = 0;
  const real = nodeFiles[call] as (...args: unknown[]) => unknown;
  const slow = (...args: unknown[]) => {
    // Renames of whole folders only: a checkpoint or the best adapter is written and does not have its name yet.
    const counts = call !== "renameSync" || /[/\\]\.tmp-(step|best)/.test(String(args[0]));
    if (counts && count++ === nth) {
      writeSync(1, "dawdling\n");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_000);
    }
    return real(...args);
  };
  return { ...nodeFiles, [call]: slow };
}
