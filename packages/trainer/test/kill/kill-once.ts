import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Dawdle } from "./kill-child.js";

const script = fileURLToPath(new URL("./child.mjs", import.meta.url));

export interface Kill {
  /** Milliseconds from the first word of the child to its end. */
  readonly offsetMs: number;
  readonly fromStep: number;
  /** Killed while it lingered before this call, or at any moment. */
  readonly at: Dawdle["call"] | "anywhere";
}

/** Lets a child train until a random moment, or until it lingers where told; undefined when it finished before. */
export async function killOnce(
  kind: string,
  run: string,
  { dawdle, withinMs }: { readonly dawdle: Dawdle | null; readonly withinMs: number },
): Promise<Kill | undefined> {
  const child = spawn(process.execPath, [script, run, JSON.stringify({ kind, dawdle })], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  let started = { at: performance.now(), step: 0 };
  let at: Kill["at"] | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("started ")) {
      started = { at: performance.now(), step: Number(line.slice(8)) };
      if (dawdle !== null) continue;
      void sleep(Math.random() * withinMs).then(() => child.kill("SIGKILL"));
      at = "anywhere";
    } else if (line === "dawdling") {
      at = dawdle?.call ?? "anywhere";
      await sleep(Math.random() * 40);
      child.kill("SIGKILL");
    }
  }
  const code = child.exitCode ?? (await new Promise<number | null>((resolve) => child.once("exit", resolve)));
  if (code === 0) return undefined;
  expect(child.signalCode, errors).toBe("SIGKILL");
  expect(at).toBeDefined();
  return { offsetMs: performance.now() - started.at, fromStep: started.step, at: at ?? "anywhere" };
}

/** Trains in a child that may write no file larger than this; returns what it said on stderr, and its exit code. */
export async function trainWithFileLimit(
  kind: string,
  run: string,
  kibibytes: number,
): Promise<{ readonly stderr: string; readonly code: number | null }> {
  const settings = JSON.stringify({ kind, dawdle: null });
  const command = `ulimit -f ${kibibytes}; exec "$0" "$@"`;
  const child = spawn("bash", ["-c", command, process.execPath, script, run, settings], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { stderr, code };
}
