/** A folder of the official layout, and where its authors publish it. */
export interface OfficialModel {
  /** Folder's name, by which everything finds it. */
  readonly name: string;
  readonly kind: "music" | "vae" | "text-encoder" | "language-model";
  readonly repo: string;
  /** Folder within the repository; "" where the repository is the folder. */
  readonly folder: string;
  readonly about: string;
}

const main = "ACE-Step/Ace-Step1.5";
const music = (name: string, about: string): OfficialModel => ({
  name: `acestep-v15-${name}`,
  kind: "music",
  repo: `ACE-Step/acestep-v15-${name}`,
  folder: "",
  about,
});

/** What the authors of ACE-Step 1.5 publish. Hashes are the server's own and stand in no list of ours. */
export const officialModels: readonly OfficialModel[] = [
  {
    name: "acestep-v15-turbo",
    kind: "music",
    repo: main,
    folder: "acestep-v15-turbo",
    about: "2B, 8 steps: the usual one",
  },
  music("base", "2B, many steps with guidance: the one to train for all"),
  music("sft", "2B, many steps with guidance, finer"),
  music("turbo-shift1", "2B turbo at shift 1"),
  music("turbo-shift3", "2B turbo at shift 3"),
  music("turbo-continuous", "2B turbo for any shift"),
  music("xl-turbo", "4B, 8 steps"),
  music("xl-base", "4B, many steps with guidance"),
  music("xl-sft", "4B, many steps with guidance, finer"),
  { name: "vae", kind: "vae", repo: main, folder: "vae", about: "autoencoder, needed by all" },
  {
    name: "Qwen3-Embedding-0.6B",
    kind: "text-encoder",
    repo: main,
    folder: "Qwen3-Embedding-0.6B",
    about: "text encoder, needed by all",
  },
  {
    name: "acestep-5Hz-lm-1.7B",
    kind: "language-model",
    repo: main,
    folder: "acestep-5Hz-lm-1.7B",
    about: "describes songs (dataset label)",
  },
  ...["0.6B", "4B"].map((size) => ({
    name: `acestep-5Hz-lm-${size}`,
    kind: "language-model" as const,
    repo: `ACE-Step/acestep-5Hz-lm-${size}`,
    folder: "",
    about: `describes songs (dataset label), ${size === "4B" ? "larger" : "smaller"}`,
  })),
];
