import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const bin = fileURLToPath(new URL("../bin/acewright.js", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A real `acewright` process. */
export interface Acewright {
  readonly ended: Promise<Ended>;
  /** Resolves once its stdout or stderr holds the text, rejects if it ends before. */
  saw(text: string): Promise<void>;
  /** What it has said so far. */
  out(): string;
  kill(signal: NodeJS.Signals): void;
  /** Nobody reads any more what it says. */
  stopReading(): void;
}

/** Starts the command line as a shell would, in a folder. */
export function startAcewright(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Acewright {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  const waiting = new Set<() => void>();
  const heard = (): void => {
    for (const look of waiting) look();
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    heard();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    heard();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code, out, err });
    });
  });
  return {
    ended,
    out: () => out,
    kill: (signal) => child.kill(signal),
    stopReading: () => {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    saw: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!`${out}${err}`.includes(text)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        void ended.then(() => {
          reject(new Error(`ended without saying ${JSON.stringify(text)}: ${err}`));
        });
        look();
      }),
  };
}

/** Runs the command line to its end. */
export function acewright(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  return startAcewright(args, options).ended;
}
