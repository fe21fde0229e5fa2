import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { recoverFolders, writeFolderAtomic } from "../../src/run/atomic-folder.js";
import { nodeFiles, type Files } from "../../src/run/files.js";
import { scratch } from "../trained.js";

const fillWith = (text: string) => (folder: string) => {
  writeFileSync(join(folder, "a.txt"), text);
  return Promise.resolve();
};

test("a folder appears whole, and replaces the one before", async () => {
  const target = join(scratch(), "best");
  await writeFolderAtomic(nodeFiles, target, fillWith("one"));
  await writeFolderAtomic(nodeFiles, target, fillWith("two"));
  expect(readFileSync(join(target, "a.txt"), "utf8")).toBe("two");
  expect(readdirSync(join(target, ".."))).toEqual(["best"]);
});

test("when filling fails nothing is left and the old folder stays", async () => {
  const target = join(scratch(), "best");
  await writeFolderAtomic(nodeFiles, target, fillWith("one"));
  const fail = async (folder: string) => {
    await fillWith("half")(folder);
    throw new Error("out of ideas");
  };
  await expect(writeFolderAtomic(nodeFiles, target, fail)).rejects.toThrow(
    /best: writing this folder failed: out of ideas/,
  );
  expect(readFileSync(join(target, "a.txt"), "utf8")).toBe("one");
  expect(readdirSync(join(target, ".."))).toEqual(["best"]);
});

test("every file and both folders are made durable before and after the rename", async () => {
  const root = scratch();
  const calls: string[] = [];
  const files: Files = {
    ...nodeFiles,
    openSync: (path, ...rest) => {
      calls.push(`sync ${String(path).slice(root.length)}`);
      return nodeFiles.openSync(path, ...rest);
    },
    renameSync: (from, to) => {
      calls.push(`rename ${String(to).slice(root.length)}`);
      nodeFiles.renameSync(from, to);
    },
  };
  await writeFolderAtomic(files, join(root, "x"), fillWith("one"));
  expect(calls).toEqual(["sync /.tmp-x/a.txt", "sync /.tmp-x", "rename /x", "sync "]);
});

test("after a crash, half-written folders go and one in the middle of its replacement comes back", () => {
  const root = scratch();
  for (const name of [".tmp-step-00000004", ".old-best", ".old-final", "final"]) mkdirSync(join(root, name));
  writeFileSync(join(root, ".old-best", "a.txt"), "kept");
  recoverFolders(nodeFiles, root);
  expect(readdirSync(root).sort()).toEqual(["best", "final"]);
  expect(readFileSync(join(root, "best", "a.txt"), "utf8")).toBe("kept");
  recoverFolders(nodeFiles, join(root, "nowhere"));
  expect(existsSync(join(root, "nowhere"))).toBe(false);
});
