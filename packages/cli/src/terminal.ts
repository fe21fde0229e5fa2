import { createInterface } from "node:readline/promises";
import picocolors from "picocolors";

/** Where words go, and how much may be drawn there. */
export interface Terminal {
  /** Results. */
  out(text: string): void;
  /** Progress, remarks and errors: what is not the result. */
  err(text: string): void;
  /** Both ends are a person's terminal: bars may be drawn, questions may be asked. */
  readonly interactive: boolean;
  /** Width in characters. */
  readonly columns: number;
  /** False under NO_COLOR, and where nobody looks. */
  readonly color: boolean;
  /** Whoever reads --json wants to hear how far the work is, too: the studio, of its jobs. */
  readonly tellsProgress?: boolean;
  /** One line from the person; undefined where nobody can answer. An abort rejects with the signal's reason. */
  readonly ask?: ((question: string, signal: AbortSignal) => Promise<string>) | undefined;
}

/** Set for a job of the studio. Without it --json prints what it always did. */
export const progressVariable = "ACEWRIGHT_JSON_PROGRESS";

/** The terminal this process was started from. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  // Node leaves isTTY undefined where there is no terminal, whatever its types say.
  const looksOn = (stdout as { readonly isTTY?: boolean }).isTTY ?? false;
  return {
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    interactive: stdout.isTTY && stderr.isTTY && process.env["TERM"] !== "dumb",
    get columns() {
      // A pseudo terminal without a window reports 0.
      return stderr.columns > 0 ? stderr.columns : 80;
    },
    color: picocolors.isColorSupported && looksOn,
    tellsProgress: process.env[progressVariable] === "1",
    ask: (process.stdin as { readonly isTTY?: boolean }).isTTY === true ? askPerson : undefined,
  };
}

/** Not in raw mode, so that Ctrl-C stays a signal. The end of input is no answer. */
async function askPerson(question: string, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const ended = new Promise<string>((resolve) => {
    lines.once("close", () => {
      resolve("");
    });
  });
  try {
    return await Promise.race([lines.question(question, { signal }), ended]);
  } finally {
    lines.close();
  }
}
