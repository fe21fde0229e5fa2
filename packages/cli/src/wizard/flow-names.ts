/** The entries of the menu, in its order. */
export const flowNames = [
  "train",
  "resume",
  "dataset",
  "check",
  "preprocess",
  "estimate",
  "generate",
  "export",
  "presets",
  "runs",
  "models",
  "settings",
  "doctor",
] as const;
export type FlowName = (typeof flowNames)[number];
