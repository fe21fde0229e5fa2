import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { completionScript } from "../../src/completion/scripts.js";
import { completionTree } from "../../src/completion/tree.js";
import { leaves, program } from "../every-command.js";

const tree = completionTree(program());

/** What bash offers after these words. */
function offered(...words: string[]): string[] {
  const script = `${completionScript("bash", tree)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _acewright; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const answer = execFileSync("bash", ["-c", script, "bash", "acewright", ...words], { encoding: "utf8" });
  return answer.split("\n").filter((word) => word !== "");
}

test("every command has its line, every flag that the help shows is in it", () => {
  for (const { path, command } of leaves(program())) {
    const node = tree.find((entry) => entry.path === path);
    const shown = command.options.filter(({ hidden }) => !hidden).map(({ long }) => long);
    expect(node?.flags).toEqual(expect.arrayContaining(shown));
  }
});

test.runIf(process.platform !== "win32")("bash completes commands, those below them, and flags", () => {
  expect(offered("pres")).toEqual(["presets"]);
  expect(offered("presets", "")).toEqual(expect.arrayContaining(["list", "save", "import", "--help"]));
  expect(offered("dataset", "tags", "cl")).toEqual(["clear"]);
  expect(offered("train", "tensors", "--learning-rate")).toContain("--learning-rate");
  expect(offered("presets", "show", "--ran")).toEqual([]);
});

test("names need no quoting in any shell", () => {
  for (const { commands, flags } of tree)
    for (const name of [...commands, ...flags]) expect(name).toMatch(/^[a-z0-9A-Z-]+$/);
});
