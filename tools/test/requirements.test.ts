import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { root, run } from "../child.mjs";
import { atLeast, parseVersion } from "../requirements.mjs";

test("versions are compared by number, not by letter", () => {
  expect(parseVersion("cmake version 3.25.1\n")).toEqual([3, 25]);
  expect(parseVersion("no number")).toBeUndefined();
  expect(atLeast([3, 9], [3, 22])).toBe(false);
  expect(atLeast([4, 0], [3, 22])).toBe(true);
  expect(atLeast([3, 22], [3, 22])).toBe(true);
});

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-path-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function setupWith(tools: readonly string[]) {
  const places = (process.env["PATH"] ?? "").split(delimiter);
  for (const tool of tools) {
    const found = places.map((place) => join(place, tool)).find((path) => existsSync(path));
    symlinkSync(found ?? join("/absent", tool), join(folder, tool));
  }
  const env = { PATH: folder };
  return run(process.execPath, ["tools/setup.mjs"], { capture: "both", env, cwd: root });
}

test("each missing tool is one line with the command that brings it, and nothing is built", async () => {
  const { code, stdout, stderr } = await setupWith([]);
  const lines = stderr.trimEnd().split("\n");
  expect(code).toBe(2);
  expect(stdout).toBe("");
  expect(lines).toEqual([
    expect.stringMatching(/^A C\+\+20 compiler is needed .*apt-get install -y g\+\+$/),
    expect.stringMatching(/^CMake 3\.22 or newer is needed, none was found: .*apt-get install -y cmake$/),
    expect.stringMatching(/^Ninja is needed: .*apt-get install -y ninja-build$/),
  ]);
});

test("what is there is not complained about", async () => {
  const { stderr } = await setupWith(["cmake"]);
  expect(stderr).not.toMatch(/CMake/);
  expect(stderr).toMatch(/Ninja/);
});
