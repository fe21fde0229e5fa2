import { cpSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { main } from "../../src/main.js";
import { toyFolders } from "../../src/models/toy.js";
import { recordingTerminal } from "../recording-terminal.js";
import { FakePerson } from "./fake-person.js";

/** Runs one command line, as from a shell. */
export async function acewright(line: string): Promise<string> {
  const terminal = recordingTerminal();
  const never = new AbortController().signal;
  const code = await main(line.split(" "), { terminal, signal: never, stopNow: never });
  if (code !== 0) throw new Error(terminal.written.err);
  return terminal.written.out;
}

/** The tests of a file stand in one folder with the toy model, its songs and tensors; each has the wizard open. */
export function openWizard(): { readonly person: FakePerson } {
  const before = { cwd: process.cwd(), config: process.env["XDG_CONFIG_HOME"] };
  let folder: string | undefined;
  let person: FakePerson | undefined;
  beforeAll(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "acewright-wizard-")));
    cpSync(toyFolders().checkpoints, join(folder, "checkpoints"), { recursive: true });
    cpSync(toyFolders().songs, join(folder, "songs"), { recursive: true });
    process.chdir(folder);
    process.env["XDG_CONFIG_HOME"] = join(folder, "config");
    await acewright("dataset scan songs --plain");
    await acewright("preprocess dataset.json -o tensors -m checkpoints --plain");
  }, 60_000);
  afterAll(() => {
    process.chdir(before.cwd);
    if (before.config === undefined) delete process.env["XDG_CONFIG_HOME"];
    else process.env["XDG_CONFIG_HOME"] = before.config;
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    person = new FakePerson();
  });
  afterEach(() => {
    person?.interruptions.leave();
  });
  return {
    get person() {
      if (person === undefined) throw new Error("the wizard is open within a test");
      return person;
    },
  };
}
