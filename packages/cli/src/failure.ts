import { AceError } from "@acewright/core-native";
import { nearestName } from "@acewright/trainer";
import { CommanderError } from "commander";
import { adviceFor, systemRefusals } from "./advice.js";
import { withFlags } from "./flag-words.js";

/** What the shell is told. */
export const exitCodes = { done: 0, ours: 1, input: 2, interrupted: 130 } as const;

/** An error as the command line shows it. */
export interface Failure {
  readonly exitCode: number;
  /** Stable name for scripts: an AceError's code, `USAGE`, `INTERRUPTED`, or the system's errno name. */
  readonly code: string;
  /** One line without a line break. */
  readonly message: string;
  /** What usually mends errors of this code. */
  readonly advice: string;
}

/** Turns whatever was thrown into one line and an exit code. */
export function failureOf(error: unknown): Failure {
  const failure = judged(error);
  return { ...failure, advice: adviceFor(failure.code) };
}

function judged(error: unknown): Omit<Failure, "advice"> {
  if (error instanceof CommanderError) return usageFailure(error);
  if (isAbort(error)) {
    return { exitCode: exitCodes.interrupted, code: "INTERRUPTED", message: "interrupted" };
  }
  if (error instanceof AceError) {
    const exitCode = error.isUserError ? exitCodes.input : exitCodes.ours;
    return { exitCode, code: error.code, message: withFlags(oneLine(error.message)) };
  }
  const system = systemRefusal(error);
  if (system !== undefined) return system;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const hint = "this is a fault of ours; ACEWRIGHT_DEBUG=1 shows where";
  return { exitCode: exitCodes.ours, code: "ERR_INTERNAL", message: oneLine(`${text} (${hint})`) };
}

function usageFailure(error: CommanderError): Omit<Failure, "advice"> {
  // Help and version arrive here too, with 0.
  const exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.input;
  return { exitCode, code: "USAGE", message: plainUsage(oneLine(error.message.replace(/^error: /, ""))) };
}

/**
 * A value that is refused, said once and in one form: `--rank takes integer ≥ 1 and ≤ 4096, got "0"`. Commander tells the flag and
 * the value before the reason, which mostly tells them again.
 */
function plainUsage(message: string): string {
  const refused = refusedValue.exec(message)?.groups;
  if (refused === undefined) return message;
  const { argument = "", flags = "", value = "", why = "" } = refused;
  const name = argument === "" ? (/--[\w-]+/.exec(flags)?.[0] ?? flags) : argument;
  const got = ` got ${JSON.stringify(value)}`;
  const choices = /^Allowed choices are (.+)$/.exec(why)?.[1];
  if (choices !== undefined) {
    const near = nearestName(value, choices.split(", "));
    return `${name} takes one of ${choices},${got}${near === undefined ? "" : ` (Did you mean ${near}?)`}`;
  }
  const expected = /^expected (.+)$/.exec(why)?.[1];
  if (expected === undefined) return why;
  return `${name} takes ${expected}${expected.includes(", got ") ? "" : `,${got}`}`;
}

const refusedValue =
  /^(?:option '(?<flags>[^']+)' argument|command-argument value) '(?<value>.*?)' is invalid(?: for argument '(?<argument>[^']+)')?\. (?<why>.+?)\.?$/s;

function isAbort(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === "AbortError" || (error as NodeJS.ErrnoException).code === "ABORT_ERR")
  );
}

function systemRefusal(error: unknown): Omit<Failure, "advice"> | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, path } = error as NodeJS.ErrnoException;
  const meaning = code === undefined ? undefined : systemRefusals[code];
  if (code === undefined || meaning === undefined) return undefined;
  return {
    exitCode: exitCodes.input,
    code,
    message: oneLine(path === undefined ? meaning : `${path}: ${meaning}`),
  };
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").trim();
}
