// npm run docs: writes the generated pages of docs/. A test compares them with what stands there.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { advice, errors } from "@acewright/core-native";
import { ownCodes, systemRefusals } from "../packages/cli/dist/advice.js";
import { root } from "./child.mjs";
import { configPage } from "./docs-config.mjs";
import { settingsPage } from "./docs-settings.mjs";

/** @returns {string} */
function errorsPage() {
  const rows = Object.entries(errors).map(([code, meaning]) => {
    const mends = advice[/** @type {keyof typeof advice} */ (code)];
    return `| \`${code}\` | ${meaning} | ${mends} |`;
  });
  const own = Object.entries(ownCodes).map(([code, of]) => `| \`${code}\` | ${of.meaning} | ${of.advice} |`);
  const system = Object.entries(systemRefusals).map(([code, words]) => `| \`${code}\` | ${words} |`);
  return `# Errors

Every refusal of every package is an \`AceError\` with one of these codes. The message says what is wrong, where
(file, key, row), what was expected, what came, and how to mend it. The command line ends with exit code 2 where the
input is at fault and with 1 where we are (\`ERR_INTERNAL\`, \`ERR_DISPOSED\`).

| code | meaning | what usually mends it |
| --- | --- | --- |
${[...rows, ...own].join("\n")}

\`USAGE\` and \`INTERRUPTED\` are the command line's own. Where the system refuses, the code is the system's:

| code | what it means, and what usually mends it |
| --- | --- |
${system.join("\n")}

With \`--json\` an error is one line on stderr, \`{"error": {"code", "message", "advice"}}\`.

This page is generated from the tables in \`packages/core-native/ts/errors.ts\` and \`packages/cli/src/advice.ts\`: \`npm run docs\`.
`;
}

/** @returns {Promise<ReadonlyMap<string, string>>} page text by path from the root, formatted like all others */
export async function generatedPages() {
  const pages = {
    "docs/errors.md": errorsPage(),
    "docs/config.md": configPage(),
    "docs/settings.md": settingsPage(),
  };
  const formatted = Object.entries(pages).map(
    async ([path, text]) =>
      /** @type {const} */ ([path, await format(text, { parser: "markdown", printWidth: 110 })]),
  );
  return new Map(await Promise.all(formatted));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of await generatedPages()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}
