import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import ts from "typescript";
import { afterEach, beforeEach, expect, test } from "vitest";
import { root } from "../child.mjs";

const execute = promisify(execFile);

interface Example {
  readonly name: string;
  readonly code: string;
}

/** The blocks a README promises to run: fenced as ```ts runnable. */
function examplesOf(path: string): Example[] {
  const blocks = readFileSync(join(root, path), "utf8").matchAll(/^```ts runnable\n(.*?)^```$/gms);
  return [...blocks].map((match, i) => ({ name: `${path} #${String(i + 1)}`, code: match[1] ?? "" }));
}

const packageReadmes = readdirSync(join(root, "packages")).map((name) => `packages/${name}/README.md`);
const readmes = ["README.md", ...packageReadmes].filter((path) => existsSync(join(root, path)));

let folder: string;

beforeEach(() => {
  // A project of its own: the packages and the toy's files, and nothing of the repository around it.
  folder = mkdtempSync(join(tmpdir(), "acewright-readme-"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  mkdirSync(join(folder, "toy"));
  symlinkSync(join(root, "tools/reference/toy/checkpoints"), join(folder, "toy/checkpoints"));
  symlinkSync(join(root, "tools/reference/toy/adapt"), join(folder, "toy/songs"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test("each package's README has an example that runs", () => {
  for (const path of packageReadmes) {
    expect(existsSync(join(root, path)), path).toBe(true);
    expect(examplesOf(path), path).not.toEqual([]);
  }
});

test.each(readmes.flatMap(examplesOf))("$name runs", { timeout: 180_000 }, async ({ code }) => {
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  writeFileSync(
    join(folder, "example.js"),
    ts.transpileModule(code, { compilerOptions: options }).outputText,
  );
  await expect(execute(process.execPath, ["example.js"], { cwd: folder })).resolves.toHaveProperty(
    "stderr",
    "",
  );
});
