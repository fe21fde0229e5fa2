import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { AceError, errors, type AceErrorCode } from "@acewright/core-native";
import type { Failure } from "../../failure.js";
import type { Answers, Question, Said } from "./questions.js";

const script = fileURLToPath(new URL("./plan-process.js", import.meta.url));

/** Kept for the next question: a person who changes settings asks often. */
const idleMs = 30_000;

/** Asks the planning process, one question after another. */
export class Planner {
  private child: ChildProcess | undefined;
  private idle: NodeJS.Timeout | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private isAsked = false;
  private mayStay = true;

  /** @param folder what relative paths in settings are relative to. */
  constructor(private readonly folder: string) {}

  /**
   * @param signal aborted when nobody waits for the answer any more: a question in hand is broken off, one that waits is not
   *   begun.
   * @throws {AceError} whatever planning throws; ERR_INTERNAL where its process died.
   */
  ask<About extends Question["about"]>(
    question: Extract<Question, { about: About }>,
    signal?: AbortSignal,
  ): Promise<Answers[About]> {
    const answered = this.last.then(async () => {
      signal?.throwIfAborted();
      return (await this.answer(question, signal)) as Answers[About];
    });
    this.last = answered.catch(() => undefined);
    return answered;
  }

  /** Before a job begins: the planner's share of a card goes back at once, or as soon as the question in hand is answered. */
  makeRoom(): void {
    if (this.isAsked) this.mayStay = false;
    else this.close();
  }

  close(): void {
    clearTimeout(this.idle);
    this.child?.kill("SIGKILL");
    this.child = undefined;
  }

  private async answer(question: Question, signal: AbortSignal | undefined): Promise<unknown> {
    clearTimeout(this.idle);
    this.isAsked = true;
    const child = (this.child ??= fork(script, {
      cwd: this.folder,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    }));
    const breakOff = (): void => {
      child.kill("SIGKILL");
    };
    signal?.addEventListener("abort", breakOff);
    try {
      return await new Promise((resolve, reject) => {
        const settle = (end: () => void): void => {
          child.off("message", said).off("exit", ended).off("error", reject);
          end();
        };
        const said = (message: Said): void => {
          settle(() => {
            if ("answer" in message) resolve(message.answer);
            else reject(errorOf(message.failure));
          });
        };
        const ended = (): void => {
          settle(() => {
            reject(brokenOff(signal));
          });
        };
        child.on("message", said).once("exit", ended).once("error", reject);
        child.send(question);
      });
    } finally {
      signal?.removeEventListener("abort", breakOff);
      if (child.exitCode !== null || child.signalCode !== null || child.killed) this.child = undefined;
      this.isAsked = false;
      this.idle = setTimeout(
        () => {
          this.close();
        },
        this.mayStay ? idleMs : 0,
      ).unref();
      this.mayStay = true;
    }
  }
}

function brokenOff(signal: AbortSignal | undefined): Error {
  if (signal?.aborted === true) return signal.reason as Error;
  return new AceError("ERR_INTERNAL", "the process that plans ended without a word");
}

function errorOf({ code, message }: Failure): Error {
  if (Object.hasOwn(errors, code)) return new AceError(code as AceErrorCode, message);
  // The system's own refusals, such as a file that may not be read.
  return new AceError(code === "ERR_INTERNAL" ? "ERR_INTERNAL" : "ERR_FILE", message);
}
