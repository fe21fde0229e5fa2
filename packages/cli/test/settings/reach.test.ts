import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { main } from "../../src/main.js";
import { recordingTerminal } from "../recording-terminal.js";

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "acewright-settings-reach-"));
  for (const line of [
    "models toy @models --songs @songs",
    "dataset scan @songs -o @dataset.json",
    "preprocess @dataset.json -o @tensors --model @models --max-duration-s 4",
  ])
    await acewright(line);
}, 60_000);
afterAll(() => {
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  const user = mkdtempSync(join(folder, "user-"));
  for (const name of ["XDG_CONFIG_HOME", "APPDATA", "HOME"]) vi.stubEnv(name, user);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

async function acewright(line: string, kind: { interactive?: boolean } = {}): Promise<string> {
  const terminal = recordingTerminal(kind);
  const never = new AbortController().signal;
  const args = line.replaceAll("@", `${folder}/`).split(" ");
  const code = await main(args, { terminal, signal: never, stopNow: never });
  const { out, err } = terminal.written;
  expect({ line, code, err: code === 0 ? "" : err }).toEqual({ line, code: 0, err: "" });
  return out + err;
}

const small = "--adapter lora --rank 2 --dropout 0 --crop-frames 32 --gradient-accumulation 1 --max-steps 1";

/** What a planned run would be. */
async function planned(line = ""): Promise<{ model: string; threads?: number }> {
  const text = await acewright(`plan @tensors ${small} --json ${line}`.trimEnd());
  return (JSON.parse(text) as { config: { model: string; threads?: number } }).config;
}

test("the folder of models and the threads reach a plan; flags and the environment win", async () => {
  await acewright("settings set models @models");
  await acewright("settings set threads 2");
  expect(await planned()).toMatchObject({ model: join(folder, "models/acestep-v15-toy"), threads: 2 });
  expect(await planned("--threads 1")).toMatchObject({ threads: 1 });
  vi.stubEnv("ACEWRIGHT_THREADS", "3");
  expect(await planned()).toMatchObject({ threads: 3 });
  expect(await planned("--threads 1")).toMatchObject({ threads: 1 });
});

test("a training's own file wins over settings", async () => {
  await acewright("settings set models @models");
  await acewright(`train @tensors -o @own ${small} --threads 2`);
  await acewright("settings set threads 3");
  expect(await planned(`--config ${folder}/own/config.json`)).toMatchObject({ threads: 2 });
});

test("runs are made in the folder of runs, each with a name of its own, and listed from there", async () => {
  await acewright("settings set models @models");
  await acewright("settings set runs @runs");
  expect(await acewright(`train @tensors ${small}`)).toContain(join(folder, "runs/tensors"));
  await acewright(`train @tensors ${small}`);
  expect(readdirSync(join(folder, "runs")).sort()).toEqual(["tensors", "tensors-2"]);
  const runs = JSON.parse(await acewright("runs list --json")) as { folder: string }[];
  expect(runs.map((run) => run.folder).sort()).toEqual([
    join(folder, "runs/tensors"),
    join(folder, "runs/tensors-2"),
  ]);
});

test("without a setting, runs are listed from ./runs where there is one", async () => {
  await acewright(`train @tensors -o @here/runs/one --model @models ${small}`);
  const back = process.cwd();
  try {
    process.chdir(join(folder, "here"));
    expect(await acewright("runs list")).toContain("runs/one");
    process.chdir(join(folder, "songs"));
    expect(await acewright("runs list")).toContain("no runs in .; name the folder that holds them");
  } finally {
    process.chdir(back);
  }
});

test("the folder of models is where models are listed and checked", async () => {
  await acewright("settings set models @models");
  expect(await acewright("models verify")).toContain("acestep-v15-toy");
  expect(await acewright("models list")).toContain("acestep-v15-toy");
  expect(await acewright("doctor --json")).toContain("acestep-v15-toy");
});

test("plain output and the notice are as set; `--notify none` leaves the notice out", async () => {
  await acewright("settings set models @models");
  await acewright("settings set notify bell");
  const bell = "\u0007";
  const drawn = await acewright(`train @tensors -o @bell ${small}`, { interactive: true });
  expect(drawn).toContain(bell);
  expect(drawn).toContain("\r");
  const quiet = await acewright(`train @tensors -o @quiet ${small} --notify none`, { interactive: true });
  expect(quiet).not.toContain(bell);
  await acewright("settings set plain true");
  const plain = await acewright(`train @tensors -o @plain ${small}`, { interactive: true });
  expect(plain).not.toMatch(/[\r\u001b\u0007]/);
  vi.stubEnv("ACEWRIGHT_PLAIN", "false");
  expect(await acewright(`train @tensors -o @drawn ${small}`, { interactive: true })).toContain("\r");
});

test("models are downloaded from the server that is set, into the folder that is set", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await acewright(`settings set endpoint http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const terminal = recordingTerminal();
    const never = new AbortController().signal;
    const code = await main(["models", "download", "someone/model"], {
      terminal,
      signal: never,
      stopNow: never,
    });
    expect(code).toBe(2);
    expect(terminal.written.err).toMatch(/does not know .*someone\/model/);
    expect(asked.join(" ")).toContain("someone/model");
  } finally {
    server.close();
  }
});
