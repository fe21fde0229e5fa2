import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";

const execute = promisify(execFile);
const packageFolder = fileURLToPath(new URL("..", import.meta.url));

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-packed-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
  rmSync(join(packageFolder, "toy"), { recursive: true, force: true });
});

test("the packed package brings the toy along", { timeout: 120_000 }, async () => {
  const { stdout } = await execute("npm", ["pack", "--json", "--pack-destination", folder], {
    cwd: packageFolder,
  });
  const [{ filename } = { filename: "" }] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as {
    filename: string;
  }[];
  await execute("tar", ["-xzf", join(folder, filename), "-C", folder]);
  symlinkSync(fileURLToPath(new URL("../../../node_modules", import.meta.url)), join(folder, "node_modules"));
  const bin = join(folder, "package/bin/acewright.js");
  await execute(process.execPath, [bin, "models", "toy", join(folder, "toy")]);
  const verified = await execute(process.execPath, [bin, "models", "verify", join(folder, "toy"), "--json"]);
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true });
});
