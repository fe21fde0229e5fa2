import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

const execute = promisify(execFile);

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const packages = { "core-native": "@acewright/core-native", dataset: "@acewright/dataset", trainer: "@acewright/trainer", cli: "acewright" }; // prettier-ignore

let folder: string;
let installed: string;

/** Packs a copy of every package and unpacks them where no repository, compiler or build folder is. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "acewright-packed-"));
  const copy = join(folder, "repository");
  for (const part of ["LICENSE", "NOTICE", "tools/copy-licences.mjs", "tools/reference/toy"])
    cpSync(join(repository, part), join(copy, part), { recursive: true });
  for (const name of Object.keys(packages)) {
    for (const part of [
      "dist",
      "package.json",
      "README.md",
      ...(name === "cli" ? ["bin", "page/static", "tools"] : []),
    ])
      cpSync(join(repository, "packages", name, part), join(copy, "packages", name, part), {
        recursive: true,
      });
  }
  const core = join(repository, "packages/core-native");
  await execute(process.execPath, [
    join(core, "tools/prebuild-release.mjs"),
    ...["--addon", join(core, "build/Release/acewright_core.node")],
    ...["--out", join(copy, "packages/core-native")],
  ]);
  installed = join(folder, "installed");
  await Promise.all(
    Object.entries(packages).map(([name, title]) => install(join(copy, "packages", name), title)),
  );
  rmSync(copy, { recursive: true });
  linkOthers();
}, 120_000);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function install(cwd: string, title: string): Promise<void> {
  const { stdout } = await execute("npm", ["pack", "--json", "--pack-destination", folder], { cwd });
  const [{ filename } = { filename: "" }] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as {
    filename: string;
  }[];
  const place = join(installed, "node_modules", title);
  mkdirSync(place, { recursive: true });
  await execute("tar", ["-xzf", join(folder, filename), "-C", place, "--strip-components=1"]);
}

/** What npm would fetch: the repository has it already. Our own packages are not among it. */
function linkOthers(): void {
  const from = join(repository, "node_modules");
  for (const name of readdirSync(from)) {
    if (name === "acewright" || name === "@acewright" || name.startsWith(".")) continue;
    symlinkSync(join(from, name), join(installed, "node_modules", name));
  }
}

async function acewright(line: string): Promise<unknown> {
  const bin = join(installed, "node_modules/acewright/bin/acewright.js");
  const env = { ...process.env };
  delete env["ACEWRIGHT_ADDON"];
  const { stdout } = await execute(process.execPath, [bin, ...line.split(" "), "--json"], {
    cwd: installed,
    env,
  });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
}

test("every packed package carries its licence, its notice and its types", () => {
  for (const title of Object.values(packages)) {
    const there = readdirSync(join(installed, "node_modules", title));
    expect(there, title).toEqual(expect.arrayContaining(["LICENSE", "NOTICE", "README.md", "dist"]));
    expect(readdirSync(join(installed, "node_modules", title, "dist"))).toContain("index.d.ts");
  }
});

test("the packed packages walk the whole way in an empty folder", { timeout: 120_000 }, async () => {
  expect(await acewright("doctor")).toMatchObject({ ok: true });
  await acewright("models toy toy --songs songs");
  expect(await acewright("models verify toy")).toMatchObject({ ok: true });
  await acewright("dataset scan songs -o dataset.json");
  expect(await acewright("preprocess dataset.json -o tensors -m toy")).toMatchObject({ made: 3 });
  expect(
    await acewright("train tensors -o run -m toy --rank 4 --max-steps 2 --crop-frames 32"),
  ).toMatchObject({ type: "finished" });
  expect(await acewright("generate -m toy -a run --caption bells --duration 1 -o song.wav")).toMatchObject({
    durationS: 1,
  });
});

test("the packed studio brings its page and the libraries it imports", async () => {
  const bin = join(installed, "node_modules/acewright/bin/acewright.js");
  const studio = spawn(process.execPath, [bin, "studio", "--port", "0", "--json"], { cwd: installed });
  onTestFinished(() => void studio.kill());
  const [first] = (await once(studio.stdout.setEncoding("utf8"), "data")) as [string];
  const { url } = JSON.parse(first) as { url: string };
  const opened = await fetch(url, { redirect: "manual" });
  const cookie = (opened.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  for (const path of ["/", "/page/main.js", "/static/studio.css", "/lib/preact.js", "/lib/uplot.js"])
    expect((await fetch(new URL(path, url), { headers: { cookie } })).status, path).toBe(200);
});

test("an addon that cannot be loaded names every place that was tried", async () => {
  const bin = join(installed, "node_modules/acewright/bin/acewright.js");
  const broken = join(installed, "broken.node");
  copyFileSync(createRequire(import.meta.url).resolve("commander"), broken);
  rmSync(join(installed, "node_modules/@acewright/core-native/prebuilds"), { recursive: true });
  const env = { ...process.env, ACEWRIGHT_ADDON: broken };
  const failed = await execute(process.execPath, [bin, "plan", "tensors", "-m", "toy"], {
    cwd: installed,
    env,
  }).then(
    () => "",
    (error: unknown) => (error as { stderr: string }).stderr,
  );
  expect(failed).toContain("The native addon could not be loaded");
  for (const place of [broken, "prebuilds", "build/Release/acewright_core.node"])
    expect(failed).toContain(place);
});
