import { PassThrough, Writable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import type { Context, Person } from "../../src/command.js";
import { Interruptions } from "../../src/interruptions.js";
import { main } from "../../src/main.js";
import { recordingTerminal } from "../recording-terminal.js";

const keys = {
  enter: "\r",
  down: "\u001B[B",
  up: "\u001B[A",
  escape: "\u001B",
  ctrlC: "\u0003",
  clear: "\u0015",
};

/** Somebody at a terminal that is none: keys are written, what is drawn is read. */
export class FakePerson {
  readonly interruptions = new Interruptions();
  readonly ended: Promise<number>;
  private readonly input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (on: boolean) => {
      this.isRaw = on;
    },
  });
  private drawn = "";
  /** Where reading goes on. */
  private read = 0;
  private waiting: (() => void) | undefined;
  isRaw = false;

  constructor() {
    const hear = (text: string): void => {
      this.drawn += text;
      this.waiting?.();
    };
    const output = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        hear(chunk.toString());
        done();
      },
    });
    const person: Person = {
      input: this.input,
      output: Object.assign(output, { columns: 300, rows: 100 }),
      during: (work) => this.interruptions.during(work),
    };
    const terminal = { ...recordingTerminal(), out: hear, err: hear };
    const context: Context = { terminal, ...this.interruptions.signals, person };
    this.ended = main([], context);
  }

  /** Everything that was drawn, without colours. */
  get text(): string {
    return stripVTControlCharacters(this.drawn);
  }

  /** Waits until a text is drawn after what was waited for before. */
  async saw(text: string): Promise<void> {
    const deadline = setTimeout(() => this.waiting?.(), 20_000);
    const begun = performance.now();
    try {
      for (;;) {
        const at = this.text.indexOf(text, this.read);
        if (at !== -1) {
          this.read = at + text.length;
          return;
        }
        if (performance.now() - begun > 19_000)
          throw new Error(`nobody said ${JSON.stringify(text)} after:\n${this.text.slice(this.read)}`);
        await new Promise<void>((resolve) => {
          this.waiting = resolve;
        });
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Waits for a question, then types: names of keys, or texts. */
  async answers(question: string, ...typed: readonly string[]): Promise<void> {
    await this.saw(question);
    // The prompt listens from the next turn on.
    await new Promise(setImmediate);
    for (const key of typed) {
      this.input.write(Object.hasOwn(keys, key) ? keys[key as keyof typeof keys] : key);
      // Esc alone is told from the beginning of an arrow key by what does not follow it.
      await new Promise((resolve) => setTimeout(resolve, key === "escape" ? 80 : 5));
    }
  }
}
