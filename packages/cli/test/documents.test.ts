import { existsSync, readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { isTaken, leaves, program } from "./every-command.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const pages = [
  "README.md",
  ...readdirSync(`${root}docs`).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : [])),
  ...["cli", "trainer", "dataset", "core-native"].map((name) => `packages/${name}/README.md`),
];
const paths = leaves(program()).map(({ path }) => path);

/** Command lines of shell blocks, less their comments, and commands named in the text. */
function commandsIn(page: string): { lines: string[]; named: string[] } {
  const text = readFileSync(root + page, "utf8");
  const blocks = [...text.matchAll(/^```(?:sh|bash|console)?\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  const lines = blocks.flatMap(
    (block) => block.replaceAll("\\\n", " ").match(/^(?:\$ )?(?:npx )?acewright .+$/gm) ?? [],
  );
  const named = [...text.matchAll(/`acewright ([^`]+)`/g)].map(([, words = ""]) =>
    words.replaceAll("\n", " "),
  );
  return { lines: lines.map((line) => line.replace(/^.*?acewright /, "").replace(/ +#.*$/, "")), named };
}

/** In the text a command is often only named, without what it needs: `runs list|show`, `train`, `COMMAND --help`. */
function isNamed(words: string): boolean {
  const [first = "", ...rest] = words.split(" ");
  if (first === "COMMAND" || first.startsWith("--")) return true;
  const second = (rest[0] ?? "").split("|");
  return second.every((name) => {
    const both = `${first} ${name}`.trimEnd();
    return paths.some((path) => path === first || path === both || path.startsWith(`${both} `));
  });
}

test("the README shows the way by command lines", () => {
  expect(commandsIn("README.md").lines.length).toBeGreaterThan(5);
});

test.each(pages)("every command line that %s shows is one that is taken", async (page) => {
  const { lines, named } = commandsIn(page);
  for (const line of lines) expect(await isTaken(line), line).toBe(true);
  for (const words of named) expect(isNamed(words), `acewright ${words}`).toBe(true);
});

test("every flag of docs/config.md is in the help of `train`, and every default it tells is the schema's", () => {
  const rows = readFileSync(`${root}docs/config.md`, "utf8").match(/^\| `.*$/gm) ?? [];
  const help =
    leaves(program())
      .find(({ path }) => path === "train")
      ?.command.helpInformation() ?? "";
  const shown = new Set(help.match(/--[a-z][\w-]*/g));
  const flags = rows.flatMap((row) => /^\| `[^`]+` +\| `(--[\w-]+)`/.exec(row)?.[1] ?? []);
  expect(flags.length).toBe(rows.length - 1); // the tensors are the command's first word
  expect(flags.filter((flag) => !shown.has(flag))).toEqual([]);
  const decay = rows.find((row) => row.includes("`optimizer.weightDecay`")) ?? "";
  expect(decay).toMatch(/\| `0\.01`; `0` for adafactor; `0\.1` for lion +\|/);
});

test("the files of the repository that a page names are there", () => {
  for (const page of pages) {
    const text = readFileSync(root + page, "utf8");
    for (const [, path = ""] of text.matchAll(/`((?:packages|tools|bench|docs)\/[\w./-]+\.\w+)`/g))
      expect(existsSync(root + path), `${page}: ${path}`).toBe(true);
  }
});
