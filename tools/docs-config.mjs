import { expectation, fieldsOf, TrainConfig } from "@acewright/trainer";

/** @param {unknown} value */
function shown(value) {
  if (value === undefined || value === null || value === "") return "";
  return `\`${Array.isArray(value) ? value.join(",") : JSON.stringify(value).replaceAll('"', "")}\``;
}

/** @param {string} text */
const cell = (text) => text.replaceAll("|", "\\|").replaceAll("*", "\\*");

/**
 * The default, with what is another one for some kinds: `0.999`, `0.99` for prodigy, lion.
 *
 * @param {ReturnType<typeof fieldsOf>[number]} flag
 */
function defaultOf({ node, members }) {
  /** @type {Map<string, string[]>} */
  const kinds = new Map();
  for (const { tag, node: member } of members) {
    const value = shown(member.default);
    kinds.set(value, [...(kinds.get(value) ?? []), tag]);
  }
  const [[most] = [shown(node.default)], ...others] = [...kinds].sort(([, a], [, b]) => b.length - a.length);
  return [most, ...others.map(([value, tags]) => `${value} for ${tags.join(", ")}`)].join("; ");
}

/** Folders that a command takes as a word of its own, not as a flag. */
const words = new Map([["tensors", "the first word"]]);

/** @param {ReturnType<typeof fieldsOf>[number]} flag */
function flagOf({ path, name, node }) {
  const word = words.get(path.join("."));
  return word ?? `\`--${node.type === "boolean" && node.default === true ? "no-" : ""}${name}\``;
}

/** @returns {string} docs/config.md: every setting of a training run, from its schema */
export function configPage() {
  const rows = fieldsOf(TrainConfig, { omit: ["environment"] }).map((flag) => {
    const { path, node, members, memberCount } = flag;
    const only = members.length < memberCount ? ` (${members.map(({ tag }) => tag).join(", ")} only)` : "";
    const about = cell(`${node.description ?? ""}${only}`);
    return `| \`${path.join(".")}\` | ${flagOf(flag)} | ${cell(expectation(node))} | ${defaultOf(flag)} | ${about} |`;
  });
  return `# Settings of a training run

One schema (\`packages/trainer/src/config/train-config.ts\`) is read by the library, by \`--config FILE\` and by the command line. A run
writes its own settings, every default filled in, to \`config.json\`; given back with \`--config\` they repeat the run.

| setting | flag | takes | default | |
| --- | --- | --- | --- | --- |
${rows.join("\n")}

This page is generated from the schema: \`npm run docs\`.
`;
}
