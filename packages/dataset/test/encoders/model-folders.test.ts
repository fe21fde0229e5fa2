import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { resolveModelFolders } from "../../src/encoders/model-folders.js";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "acewright-folders-"));
  for (const name of ["acestep-v15-turbo", "vae", "Qwen3-Embedding-0.6B"]) {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, "config.json"), "{}");
  }
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const official = (): object => ({
  model: join(root, "acestep-v15-turbo"),
  vae: join(root, "vae"),
  textEncoder: join(root, "Qwen3-Embedding-0.6B"),
});

test("the model's folder and the folder that holds it mean the same", () => {
  expect(resolveModelFolders(join(root, "acestep-v15-turbo"))).toEqual(official());
  expect(resolveModelFolders(root)).toEqual(official());
});

test("parts inside the model's own folder come first, and what the user names comes before all", () => {
  cpSync(join(root, "vae"), join(root, "acestep-v15-turbo", "vae"), { recursive: true });
  const folders = resolveModelFolders(root, { textEncoder: "/elsewhere" });
  expect(folders).toMatchObject({ vae: join(root, "acestep-v15-turbo", "vae"), textEncoder: "/elsewhere" });
});

test("two models, no model and a missing part are told apart", () => {
  cpSync(join(root, "acestep-v15-turbo"), join(root, "acestep-v15-base"), { recursive: true });
  expect(() => resolveModelFolders(root)).toThrow(/holds 2 models \(acestep-v15-base, acestep-v15-turbo\)/);
  rmSync(join(root, "vae"), { recursive: true });
  expect(() => resolveModelFolders(join(root, "acestep-v15-base"))).toThrow(/download vae/);
  expect(() => resolveModelFolders(join(root, "Qwen3-Embedding-0.6B", "..", "nothing"))).toThrow(
    /does not exist/,
  );
  mkdirSync(join(root, "empty"));
  expect(() => resolveModelFolders(join(root, "empty"))).toThrow(
    /no config.json and no folder of an ACE-Step model/,
  );
});

test("a training run is no model, though it has a config.json", () => {
  const run = join(root, "run");
  mkdirSync(run);
  for (const name of ["config.json", "events.jsonl"]) writeFileSync(join(run, name), "{}");
  expect(() => resolveModelFolders(run)).toThrow(
    /run: is a training run, not a model; name the model that it was trained on, and the run as the adapter \(--adapter\)$/,
  );
});

/** Someone's model: its config speaks of ACE-Step, its name is free. */
function fineTune(name: string): string {
  const folder = join(root, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "config.json"), JSON.stringify({ model_type: "acestep" }));
  return folder;
}

test("a fine-tune of any name is the model of its folder; beside an official one it must be named", () => {
  const mine = fineTune("my-style-v2");
  expect(resolveModelFolders(root)).toEqual(official());
  expect(resolveModelFolders(mine).model).toBe(mine);
  rmSync(join(root, "acestep-v15-turbo"), { recursive: true });
  expect(resolveModelFolders(root).model).toBe(mine);
  fineTune("another");
  expect(() => resolveModelFolders(root)).toThrow(
    /holds 2 models \(another, my-style-v2\); name one of them/,
  );
});

test("a folder that is not there is answered with those beside it that are like it", () => {
  fineTune("my-style-v2");
  expect(() => resolveModelFolders(join(root, "style"))).toThrow(
    /style: does not exist, did you mean my-style-v2\?; expected a checkpoint folder/,
  );
  expect(() => resolveModelFolders(join(root, "absent", "style"))).toThrow(/style: does not exist; expected/);
});
