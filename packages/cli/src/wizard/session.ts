/** What was answered so far, offered again where it is asked next. Paths as the person wrote them. */
export interface Answers {
  songs: string;
  dataset: string;
  tensors: string;
  checkpoints: string;
  model: string;
  runs: string;
  run: string;
  mode: "basic" | "advanced";
}

export const firstAnswers: Answers = {
  songs: "songs",
  dataset: "dataset.json",
  tensors: "tensors",
  checkpoints: "checkpoints",
  model: "",
  runs: "runs",
  run: "",
  mode: "basic",
};
