import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listPresets } from "@acewright/trainer";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { main } from "../../src/main.js";
import { toyFolders } from "../../src/models/toy.js";
import { textWidth } from "../../src/render/text-width.js";
import { recordingTerminal } from "../recording-terminal.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-narrow-"));
  for (const name of ["XDG_CONFIG_HOME", "APPDATA", "HOME"]) vi.stubEnv(name, folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

async function lines(interactive: boolean, ...args: readonly string[]): Promise<string[]> {
  const terminal = recordingTerminal({ interactive, columns: 60 });
  const never = new AbortController().signal;
  expect(await main(args, { terminal, signal: never, stopNow: never })).toBe(0);
  return terminal.written.out.split("\n");
}

test("tables keep within 60 columns, and no word of them is broken", async () => {
  const file = join(folder, "songs.json");
  await lines(false, "dataset", "scan", toyFolders().songs, "-o", file);
  for (const line of ["presets list", "settings show", `dataset show ${file}`]) {
    const narrow = await lines(true, ...line.split(" "));
    expect(Math.max(...narrow.map(textWidth)), line).toBeLessThanOrEqual(60);
  }
  const presets = await lines(true, "presets", "list");
  const words = new Set(presets.join(" ").split(/\s+/));
  const said = listPresets(() => undefined).flatMap(({ preset }) => preset.description.split(" "));
  expect(said.filter((word) => word !== "" && !word.includes("/") && !words.has(word))).toEqual([]);
});

test("a program that reads a table gets its rows in one piece", async () => {
  const presets = await lines(false, "presets", "list");
  for (const { preset } of listPresets(() => undefined))
    expect(presets.some((line) => line.startsWith(preset.name) && line.endsWith(preset.description))).toBe(
      true,
    );
});
