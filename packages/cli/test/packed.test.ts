import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";

const execute = promisify(execFile);

const repository = fileURLToPath(new URL("../../..", import.meta.url));

let folder: string;

beforeEach(() => {
  // A copy: packing writes beside the sources, where other tests look for the toy at the same time.
  folder = mkdtempSync(join(tmpdir(), "acewright-packed-"));
  for (const part of ["dist", "bin", "tools", "package.json"]) {
    cpSync(join(repository, "packages/cli", part), join(folder, "packages/cli", part), { recursive: true });
  }
  for (const part of ["toy/checkpoints", "toy/adapt"]) {
    cpSync(join(repository, "tools/reference", part), join(folder, "tools/reference", part), {
      recursive: true,
    });
  }
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test("the packed package brings the toy along", { timeout: 120_000 }, async () => {
  const cwd = join(folder, "packages/cli");
  const { stdout } = await execute("npm", ["pack", "--json", "--pack-destination", folder], { cwd });
  const [{ filename } = { filename: "" }] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as {
    filename: string;
  }[];
  // Nothing of the repository may stand around it now.
  const installed = join(folder, "elsewhere");
  mkdirSync(installed);
  await execute("tar", ["-xzf", join(folder, filename), "-C", installed]);
  rmSync(join(folder, "tools"), { recursive: true });
  symlinkSync(join(repository, "node_modules"), join(installed, "node_modules"));
  const bin = join(installed, "package/bin/acewright.js");
  await execute(process.execPath, [bin, "models", "toy", join(installed, "toy")]);
  const verified = await execute(process.execPath, [
    bin,
    "models",
    "verify",
    join(installed, "toy"),
    "--json",
  ]);
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true });
});
