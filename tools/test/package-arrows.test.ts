import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createProjectGraphAsync } from "@nx/devkit";
import nx from "@nx/eslint-plugin";
import { Linter } from "eslint";
import tseslint from "typescript-eslint";
import { beforeAll, expect, test } from "vitest";
import { packageArrows } from "../arrows.mjs";
import { root } from "../child.mjs";

/** What the boundary rule says about one import in one place. */
function boundaryMessages(path: string, imported: string, depConstraints: unknown = packageArrows): string[] {
  const linter = new Linter({ cwd: root });
  const config = {
    files: ["**/*.ts"],
    languageOptions: { parser: tseslint.parser },
    plugins: { "@nx": nx },
    rules: { "@nx/enforce-module-boundaries": ["error", { depConstraints }] },
  };
  const messages = linter.verify(
    `import { x } from "${imported}";\nexport { x };\n`,
    config as unknown as Linter.Config,
    {
      filename: join(root, path),
    },
  );
  return messages.map(({ message }) => message);
}

beforeAll(async () => {
  await createProjectGraphAsync();
});

test("an import against the arrows is refused", () => {
  expect(boundaryMessages("packages/dataset/src/planted.ts", "@acewright/trainer")).not.toEqual([]);
  expect(boundaryMessages("packages/core-native/ts/planted.ts", "@acewright/dataset")).not.toEqual([]);
  expect(boundaryMessages("packages/trainer/src/planted.ts", "acewright")).not.toEqual([]);
});

test("an import along the arrows is allowed", () => {
  expect(boundaryMessages("packages/trainer/src/planted.ts", "@acewright/dataset")).toEqual([]);
  expect(boundaryMessages("packages/cli/src/planted.ts", "@acewright/core-native")).toEqual([]);
});

test("it is the tags that decide", () => {
  const nothing = [{ sourceTag: "layer:trainer", onlyDependOnLibsWithTags: [] }];
  expect(boundaryMessages("packages/trainer/src/planted.ts", "@acewright/dataset", nothing)).not.toEqual([]);
});

test("each package carries a tag the arrows know", () => {
  for (const name of ["core-native", "dataset", "trainer", "cli"]) {
    const manifest = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")) as {
      nx: { tags: string[] };
    };
    expect(packageArrows.map(({ sourceTag }) => sourceTag)).toEqual(expect.arrayContaining(manifest.nx.tags));
  }
});
