/**
 * The arrows between packages, by the `nx.tags` of each package.json:
 * cli -> trainer -> dataset -> core-native. docs/architecture.md draws them.
 */
export const packageArrows = [
  { sourceTag: "layer:cli", onlyDependOnLibsWithTags: ["layer:trainer", "layer:dataset", "layer:core"] },
  { sourceTag: "layer:trainer", onlyDependOnLibsWithTags: ["layer:dataset", "layer:core"] },
  { sourceTag: "layer:dataset", onlyDependOnLibsWithTags: ["layer:core"] },
  { sourceTag: "layer:core", onlyDependOnLibsWithTags: [] },
];
