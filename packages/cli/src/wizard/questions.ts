import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import * as clack from "@clack/prompts";
import { searchNames } from "@acewright/dataset";
import type { Context, Person } from "../command.js";
import type { Output } from "../output.js";

/** Instead of an answer: Esc or Ctrl-C at a question. */
export const back = Symbol("back");
export type Back = typeof back;

/** One of the answers to choose from. */
export interface Choice<T extends string = string> {
  readonly value: T;
  readonly label: string;
  /** What a search goes by; default: the label. */
  readonly name?: string;
  readonly hint?: string;
}

export interface TextQuestion {
  readonly message: string;
  /** The answer of Enter alone. */
  readonly kept?: string;
  /** Why the answer cannot be taken, or undefined. */
  readonly check?: (text: string) => string | undefined;
}

export interface PathQuestion extends Omit<TextQuestion, "kept"> {
  /** What the line begins with. */
  readonly initial?: string;
}

/** Asks the person at the terminal, one question at a time. */
export class Questions {
  /** The last question was left by Ctrl-C, not by Esc. */
  leftByCtrlC = false;
  private readonly person: Person;
  private asking = new AbortController();

  constructor(
    private readonly context: Context,
    person: Person,
    private readonly output: Output,
  ) {
    this.person = person;
    context.signal.addEventListener("abort", () => {
      this.asking.abort();
    });
    person.input.on("keypress", (_text: string | undefined, key: { sequence?: string }) => {
      this.leftByCtrlC = key.sequence === "\u0003";
    });
  }

  async choose<T extends string>(
    message: string,
    choices: readonly Choice<T>[],
    initial?: T,
    keys = "Esc: back",
  ): Promise<T | Back> {
    const options = choices as readonly clack.Option<T>[];
    return this.answer(
      await clack.select({
        ...this.asked(),
        message: this.worded(message, keys),
        options: [...options],
        ...(initial !== undefined && { initialValue: initial }),
      }),
    );
  }

  /**
   * A choice among many, narrowed by typing what is like the name.
   *
   * @param always stays in the list whatever is typed.
   */
  async search<T extends string>(
    message: string,
    choices: readonly Choice<T>[],
    always?: T,
  ): Promise<T | Back> {
    const names = new Map<string, string>(choices.map(({ value, label, name = label }) => [value, name]));
    const picked = this.answer(
      await clack.autocomplete<string>({
        ...this.asked(),
        message: this.worded(message),
        options: choices.map(({ value, label, hint }) => ({
          value,
          label,
          ...(hint !== undefined && { hint }),
        })),
        filter: (typed, { value }) =>
          value === always || searchNames(typed, [...names.values()]).includes(names.get(value) ?? ""),
        validate: (value) => (value === undefined ? "nothing in the list is like that" : undefined),
      }),
    );
    return picked === back ? back : (choices.find(({ value }) => value === picked)?.value ?? back);
  }

  async yes(message: string, initial = true): Promise<boolean | Back> {
    return this.answer(
      await clack.confirm({
        ...this.asked(),
        message: this.worded(message),
        active: "yes",
        inactive: "no",
        initialValue: initial,
      }),
    );
  }

  async text({ message, kept = "", check }: TextQuestion): Promise<string | Back> {
    const typed = this.answer(
      await clack.text({
        ...this.asked(),
        message: this.worded(message),
        placeholder: kept === "" ? "not set" : kept,
        defaultValue: kept,
        validate: (text) => check?.((text ?? "").trim()),
      }),
    );
    return typed === back ? back : typed.trim();
  }

  /** A path, completed by Tab from what lies there; what is typed is always among the choices. */
  async path({ message, initial = "", check }: PathQuestion): Promise<string | Back> {
    const given = this.answer(
      await clack.autocomplete<string>({
        ...this.asked(),
        message: this.worded(message),
        initialUserInput: initial,
        completeOnTab: true,
        maxItems: 6,
        options() {
          return pathsLike(this.userInput).map((value) => ({ value, label: value }));
        },
        validate: (path) => check?.(String(path ?? "").trim()),
      }),
    );
    return given === back ? back : given.trim();
  }

  /** Words between questions. */
  say(text: string): void {
    clack.log.message(text, { output: this.person.output });
  }

  warn(text: string): void {
    clack.log.warn(text, { output: this.person.output });
  }

  fail(text: string): void {
    clack.log.error(text, { output: this.person.output });
  }

  begin(title: string): void {
    clack.intro(title, { output: this.person.output });
  }

  end(words: string): void {
    clack.outro(words, { output: this.person.output });
  }

  /** Several lines under a title, none of them wrapped or framed, so that tables stay tables. */
  page(title: string, lines: string): void {
    clack.log.step(`${title}\n${lines}`, { output: this.person.output });
  }

  /** Where a question is asked; one that is answered no longer listens to the signal. */
  private asked() {
    this.asking = new AbortController();
    if (this.context.signal.aborted) this.asking.abort();
    const { input, output } = this.person;
    return { input, output, signal: this.asking.signal };
  }

  private worded(message: string, keys = "Esc: back"): string {
    return `${message} ${this.output.colors.dim(`(${keys})`)}`;
  }

  private answer<T>(answer: T | typeof clack.CANCEL_SYMBOL): T | Back {
    // An answered question does not listen any more.
    this.asking = new AbortController();
    this.context.signal.throwIfAborted();
    return clack.isCancel(answer) ? back : answer;
  }
}

/** What was typed, then the entries of its folder that begin with it. */
function pathsLike(typed: string): string[] {
  const isFolder = typed === "" || /[/\\]$/.test(typed);
  const [folder, start] = isFolder ? [typed || ".", ""] : [dirname(typed), basename(typed)];
  let names: string[] = [];
  try {
    names = readdirSync(folder, { withFileTypes: true })
      .filter(({ name }) => name.startsWith(start) && (start !== "" || !name.startsWith(".")))
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
      .sort();
  } catch {
    // No folder to look into: nothing to offer, the check says what is wrong.
  }
  const root = typed.startsWith("./") || folder !== "." ? folder : "";
  const found = names.map((name) => (root === "" ? name : root === "." ? `./${name}` : join(root, name)));
  return [typed, ...found.filter((path) => path !== typed && path !== `${typed}/`)];
}
