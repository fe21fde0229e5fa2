import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";
import { languages } from "../../dist/page/words/words.js";

const source = fileURLToPath(new URL("../../page/src", import.meta.url));

/** Every phrase the page says: the first argument of each `t(...)`. */
function phrases(): Set<string> {
  const found = new Set<string>();
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.tsx?$/.test(name),
  );
  for (const name of files) {
    const file = ts.createSourceFile(
      name,
      readFileSync(join(source, name), "utf8"),
      ts.ScriptTarget.ES2022,
      true,
    );
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === "t") {
        const [phrase] = node.arguments;
        if (phrase === undefined || !ts.isStringLiteralLike(phrase))
          throw new Error(`${name}: t(${phrase?.getText() ?? ""}) is no phrase that can be translated`);
        found.add(phrase.text);
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return found;
}

const blanks = (phrase: string): string[] => [...phrase.matchAll(/\{\w+\}/g)].map(([blank]) => blank).sort();
const others = Object.keys(languages).filter((language) => language !== "en");

test("every phrase of the page is one that can be translated", () => {
  expect(phrases()).toContain("Overview");
});

test.each(others)(
  "%s says every phrase of the page, none that is gone, and fills in the same words",
  async (language) => {
    const { phrases: said } = (await import(`../../dist/page/words/${language}.js`)) as {
      phrases: Record<string, string>;
    };
    const wanted = phrases();
    expect(
      [...wanted].filter((phrase) => !(phrase in said)),
      "not translated",
    ).toEqual([]);
    expect(
      Object.keys(said).filter((phrase) => !wanted.has(phrase)),
      "not said any more",
    ).toEqual([]);
    for (const [phrase, translation] of Object.entries(said)) {
      expect(translation.trim(), phrase).not.toBe("");
      expect(blanks(translation), phrase).toEqual(blanks(phrase));
    }
  },
);
