import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What became of one file. */
export interface Outcome {
  outcome: "read" | "refused" | "fault" | "hung" | "crashed";
  /** What the reader said: warnings beside what was read, the refusal, a fault's stack. */
  lines: string[];
  /** The largest the process was so far. */
  peakMiB: number;
}

/** One child process that reads files; it is killed and started anew when a file hangs or kills it. */
export class ReaderProcess implements Disposable {
  readonly #longestMs: number;
  #child: ChildProcess | undefined;

  constructor(longestMs: number) {
    this.#longestMs = longestMs;
  }

  async read(reader: string, path: string): Promise<Outcome> {
    this.#child ??= await start();
    const child = this.#child;
    return new Promise((resolve) => {
      const end = (outcome: Outcome): void => {
        clearTimeout(timer);
        child.removeAllListeners();
        if (outcome.outcome === "hung" || outcome.outcome === "crashed") {
          child.kill("SIGKILL");
          this.#child = undefined;
        }
        resolve(outcome);
      };
      const timer = setTimeout(() => {
        end({ outcome: "hung", lines: [`no answer in ${this.#longestMs} ms`], peakMiB: 0 });
      }, this.#longestMs);
      child.once("message", (reply) => {
        end(reply as Outcome);
      });
      child.once("exit", (code, signal) => {
        end({ outcome: "crashed", lines: [`ended with ${code ?? signal}`], peakMiB: 0 });
      });
      child.send({ reader, path });
    });
  }

  [Symbol.dispose](): void {
    this.#child?.kill("SIGKILL");
  }
}

async function start(): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL("reader-process.mjs", import.meta.url)), { execArgv: [] });
  await once(child, "message");
  return child;
}
