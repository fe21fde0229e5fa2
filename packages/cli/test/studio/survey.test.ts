import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { JobStore } from "../../dist/studio/jobs/job-store.js";
import { Workspace } from "../../dist/studio/workspace.js";
import type { RunView, WorkspaceView } from "../../dist/studio/api.js";
import { main } from "../../dist/index.js";
import { recordingTerminal } from "../recording-terminal.js";
import { folderWithSongs, newFolder, openBrowser, toy } from "./open.js";

async function acewright(...words: string[]): Promise<void> {
  const terminal = recordingTerminal();
  const never = new AbortController().signal;
  expect(await main(words, { terminal, signal: never, stopNow: never }), terminal.written.err).toBe(0);
}

test("songs, datasets, tensors, models and runs are found where the commands put them", async () => {
  const folder = folderWithSongs();
  mkdirSync(join(folder, "generated"));
  writeFileSync(join(folder, "generated/song.wav"), "");
  const { get } = await openBrowser(folder);
  const empty = (await get("workspace")) as WorkspaceView;
  expect(empty.folder).toBe(folder);
  expect(empty.songFolders).toEqual([{ path: "songs", songs: 3 }]);
  expect([empty.datasets, empty.tensors, empty.runs]).toEqual([[], [], []]);
  expect(empty.models).toEqual([{ path: join(toy, "checkpoints/acestep-v15-toy"), variant: "turbo" }]);
  const model = join(toy, "checkpoints/acestep-v15-toy");
  await acewright("run", join(folder, "songs"), "-o", join(folder, "out"), "--model", model, "--epochs", "2");
  const found = (await get("workspace")) as WorkspaceView;
  expect(found.datasets).toEqual([{ path: "out/dataset.json", name: "untitled_dataset", songs: 3 }]);
  expect(found.tensors).toEqual([{ path: "out/tensors", songs: 3 }]);
  expect(found.runs).toMatchObject([
    { path: "out/run", status: "finished", adapter: "lora", step: 2, steps: 2, final: true },
  ]);
  const { run, log } = (await get("runs/view?path=out/run")) as RunView;
  expect(run.config.epochs).toBe(2);
  expect(log.events[0]?.type).toBe("started");
  expect(log.events.at(-1)?.type).toBe("finished");
  const later = (await get(`runs/view?path=out/run&from=${log.next}`)) as RunView;
  expect(later.log).toEqual({ events: [], from: log.next, next: log.next });
});

test("what is damaged is named and does not hide the rest", async () => {
  const folder = newFolder();
  mkdirSync(join(folder, "tensors"));
  writeFileSync(join(folder, "tensors/manifest.json"), "{");
  mkdirSync(join(folder, "run/checkpoints"), { recursive: true });
  writeFileSync(join(folder, "run/config.json"), "[]");
  writeFileSync(join(folder, "broken.json"), '{"samples": [');
  writeFileSync(join(folder, "good.json"), '{"metadata": {"name": "mine"}, "samples": []}');
  writeFileSync(join(folder, "other.json"), '{"scripts": {}}');
  const { get } = await openBrowser(folder);
  const found = (await get("workspace")) as WorkspaceView;
  expect(found.datasets).toEqual([{ path: "good.json", name: "mine", songs: 0 }]);
  expect(found.unreadable).toHaveLength(3);
  for (const name of ["tensors", "run", "broken.json"])
    expect(found.unreadable.join("\n")).toContain(join(folder, name));
});

test("a dataset that changed is read again", async () => {
  const folder = newFolder();
  const path = join(folder, "dataset.json");
  writeFileSync(path, '{"metadata": {"name": "before"}, "samples": []}');
  const { get } = await openBrowser(folder);
  expect(((await get("workspace")) as WorkspaceView).datasets[0]?.name).toBe("before");
  writeFileSync(path, '{"metadata": {"name": "afterwards"}, "samples": []}');
  expect(((await get("workspace")) as WorkspaceView).datasets[0]?.name).toBe("afterwards");
});

test("no path of the page leads out of the workspace, links neither", async () => {
  const outside = newFolder();
  const inside = newFolder();
  const allowed = newFolder();
  cpSync(join(toy, "adapt"), join(outside, "songs"), { recursive: true });
  symlinkSync(outside, join(inside, "link"));
  writeFileSync(join(inside, "dataset.json"), "{}");
  const workspace = new Workspace(inside, [allowed]);
  expect(workspace.resolve("dataset.json")).toBe(join(inside, "dataset.json"));
  expect(workspace.resolve("new/folder")).toBe(join(inside, "new/folder"));
  expect(workspace.resolve(".")).toBe(inside);
  expect(workspace.resolve("..name")).toBe(join(inside, "..name"));
  expect(workspace.resolve(allowed)).toBe(allowed);
  for (const path of [
    "..",
    "../x",
    "link",
    "link/songs",
    "link/new",
    outside,
    "/",
    "a/../../x",
    `${inside}-other`,
  ])
    expect(() => workspace.resolve(path), path).toThrow(/lies outside/);
  expect(() => workspace.resolve("a\0b")).toThrow(/NUL/);
  expect(["dataset.json", "none", outside, "a\0b"].map((path) => workspace.has(path))).toEqual([
    true,
    false,
    false,
    false,
  ]);
  const { get, fetch } = await openBrowser(inside);
  expect(await get("runs/view?path=link")).toMatchObject({ error: { code: "ERR_FILE" } });
  expect((await fetch(`/api/runs/audio?path=link/songs/bells-one.flac`)).status).toBe(400);
  expect((await fetch(`/api/runs/audio?path=dataset.json`)).status).toBe(400);
});

test("a workspace that is not there is refused", () => {
  expect(() => new Workspace(join(newFolder(), "none"))).toThrow(/none: does not exist/);
});

test("what jobs leave behind is no part of what a project keeps of itself", () => {
  const folder = newFolder();
  const store = new JobStore(folder);
  store.stop(store.add({ kind: "x", title: "x", words: ["--version"] }).id);
  store.close();
  expect(readFileSync(join(folder, ".acewright/.gitignore"), "utf8")).toBe("*\n");
});
