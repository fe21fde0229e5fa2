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
  expect(() => resolveModelFolders(join(root, "empty"))).toThrow(/no config.json and no acestep-v15 folder/);
});
