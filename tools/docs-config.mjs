import { expectation, fieldsOf, TrainConfig } from "@acewright/trainer";

/** @param {unknown} value */
function shown(value) {
  if (value === undefined || value === null || value === "") return "";
  return `\`${Array.isArray(value) ? value.join(",") : JSON.stringify(value).replaceAll('"', "")}\``;
}

/** @param {string} text */
const cell = (text) => text.replaceAll("|", "\\|").replaceAll("*", "\\*");

/** @returns {string} docs/config.md: every setting of a training run, from its schema */
export function configPage() {
  const rows = fieldsOf(TrainConfig, { omit: ["environment"] }).map(
    ({ path, name, node, members, memberCount }) => {
      const only = members.length < memberCount ? ` (${members.map(({ tag }) => tag).join(", ")} only)` : "";
      const words = cell(`${node.description ?? ""}${only}`);
      return `| \`${path.join(".")}\` | \`--${name}\` | ${cell(expectation(node))} | ${shown(node.default)} | ${words} |`;
    },
  );
  return `# Settings of a training run

One schema (\`packages/trainer/src/config.ts\`) is read by the library, by \`--config FILE\` and by the command line. A run
writes its own settings, every default filled in, to \`config.json\`; given back with \`--config\` they repeat the run.

| setting | flag | takes | default | |
| --- | --- | --- | --- | --- |
${rows.join("\n")}

This page is generated from the schema: \`npm run docs\`.
`;
}
