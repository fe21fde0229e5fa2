import { expectation } from "@acewright/trainer";
import { settingFacts } from "../packages/cli/dist/settings/facts.js";

/** @param {string} text */
const cell = (text) => text.replaceAll("|", "\\|");

/** @param {unknown} value */
const shown = (value) =>
  value === undefined || (Array.isArray(value) && value.length === 0)
    ? ""
    : `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;

/** @returns {string} docs/settings.md: what a machine's user can set once for every command, from its schema */
export function settingsPage() {
  const rows = settingFacts.map(
    ({ key, variable, node, about }) =>
      `| \`${key}\` | \`${variable}\` | ${cell(expectation(node))} | ${shown(node.default)} | ${cell(about)} |`,
  );
  return `# Settings of a machine

What commands take where their line does not say it. A flag wins over the environment, that over the settings file, that
over the default; a training's \`--config\` and \`--preset\`, and the settings of a run that is resumed, win over these too.

\`acewright settings show\` tells each value and where it comes from, \`acewright settings set KEY VALUE\` keeps one,
\`acewright settings clear\` forgets all, \`acewright settings path\` names the file: \`$XDG_CONFIG_HOME/acewright/settings.json\`
or \`~/.config/acewright/settings.json\`, on Windows \`%APPDATA%\\acewright\\settings.json\`, on macOS
\`~/Library/Application Support/acewright/settings.json\`. \`acewright config schema settings\` prints its JSON schema.

Keys and tokens are never stored: they are read from the environment alone, and \`settings set\` refuses what looks like one.

| setting | variable | takes | default | |
| --- | --- | --- | --- | --- |
${rows.join("\n")}

This page is generated from the schema in \`packages/cli/src/settings/schema.ts\`: \`npm run docs\`.
`;
}
