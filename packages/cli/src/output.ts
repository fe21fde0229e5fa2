import { isAbsolute, relative } from "node:path";
import picocolors from "picocolors";
import { Progress } from "./render/progress.js";
import type { Terminal } from "./terminal.js";

/** How one command speaks: JSON for programs, lines for logs, drawings for a person. */
export class Output {
  readonly terminal: Terminal;
  readonly json: boolean;
  /** Bars and charts are drawn, lines may be rewritten. */
  readonly draws: boolean;
  /** How far the work is is told as events. */
  readonly tellsProgress: boolean;
  readonly colors: ReturnType<typeof picocolors.createColors>;

  constructor(terminal: Terminal, options: { json: boolean; plain: boolean }) {
    this.terminal = terminal;
    this.json = options.json;
    this.draws = terminal.interactive && !options.json && !options.plain;
    this.tellsProgress = options.json && terminal.tellsProgress === true;
    this.colors = picocolors.createColors(terminal.color && !options.json && !options.plain);
  }

  /** A path as a person in this folder would write it; programs are given absolute ones. */
  path(absolute: string): string {
    const short = relative(process.cwd(), absolute);
    return short === "" || short.startsWith("..") || isAbsolute(short) ? absolute : short;
  }

  /** What a line of a table may take: a program that reads it gets rows in one piece. */
  get cells(): number {
    return this.terminal.interactive ? this.terminal.columns : Infinity;
  }

  /** The result, said once: as one line of JSON, or in words. */
  result(value: unknown, words: () => string): void {
    this.terminal.out(this.json ? `${JSON.stringify(value)}\n` : `${words()}\n`);
  }

  /** One event of a long work, for programs only. */
  event(value: unknown): void {
    if (this.json) this.terminal.out(`${JSON.stringify(value)}\n`);
  }

  /** A remark on the way, for people only. */
  say(line: string): void {
    if (!this.json) this.terminal.err(`${line}\n`);
  }

  /** A remark that a person should not overlook. Programs find it in the result. */
  warn(line: string): void {
    this.say(`${this.colors.yellow("warning:")} ${line}`);
  }

  /** A bar that is drawn for a person, and one line at its end otherwise. */
  progress(what: string, unit: string): Progress {
    return new Progress(this, what, unit);
  }
}
