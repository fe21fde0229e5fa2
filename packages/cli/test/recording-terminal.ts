import type { Terminal } from "../src/terminal.js";

export interface RecordingTerminal extends Terminal {
  readonly written: { out: string; err: string };
}

/** A terminal that remembers what was written to it. */
export function recordingTerminal(kind: Partial<Omit<Terminal, "out" | "err">> = {}): RecordingTerminal {
  const written = { out: "", err: "" };
  return {
    written,
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    interactive: false,
    columns: 80,
    color: false,
    ...kind,
  };
}
