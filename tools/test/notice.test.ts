import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const notice = readFileSync(join(root, "NOTICE"), "utf8");

interface Manifest {
  readonly name: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const manifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Manifest;

const ours = readdirSync(join(root, "packages")).map((name) => manifest(`packages/${name}`));

/** Everything a user's `npm install` brings, ours left out. */
function installed(): Manifest[] {
  const seen = new Map<string, Manifest>();
  const visit = (names: readonly string[]): void => {
    for (const name of names) {
      if (seen.has(name) || ours.some((own) => own.name === name)) continue;
      const found = manifest(`node_modules/${name}`);
      seen.set(name, found);
      visit(Object.keys(found.dependencies ?? {}));
    }
  };
  visit(ours.flatMap(({ dependencies }) => Object.keys(dependencies ?? {})));
  return [...seen.values()];
}

test("the notice names every package that ours ask for, under its licence", () => {
  const asked = new Set(ours.flatMap(({ dependencies }) => Object.keys(dependencies ?? {})));
  for (const { name, license = "" } of installed().filter(({ name: one }) => asked.has(one))) {
    const line = notice.split("\n").find((text) => text.split(/[\s,]+/).includes(name));
    expect(line, `${name} (${license}) is not in NOTICE`).toBeDefined();
  }
});

test("nothing that is installed asks for more than its notice: no GPL, and LGPL only where it is named", () => {
  for (const { name, license = "" } of installed()) {
    if (/LGPL/.test(license)) expect(notice, name).toContain(name);
    else
      expect(license, name).toMatch(
        /^\(?(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|Unlicense|CC0-1\.0|MIT-0|W3C)/,
      );
  }
});
