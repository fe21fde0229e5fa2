import { existsSync } from "node:fs";
import { basename } from "node:path";
import { officialModels } from "@acewright/dataset";
import { verifyModels } from "../models/verify.js";
import type { PartReport } from "../models/verify.js";
import type { Diagnosis } from "./diagnosis.js";
import { shellWord } from "../render/shell-word.js";

/** Where each part comes from when nothing of it is there. */
const officialNames: Readonly<Record<PartReport["part"], string>> = {
  "music model": "acestep-v15-turbo",
  vae: "vae",
  "text encoder": "Qwen3-Embedding-0.6B",
};

/**
 * Every part of a folder of checkpoints: there, and its headers as its config.json says.
 *
 * @param isAsked the user named the folder: then what is missing is a problem, else a note
 */
export function modelDiagnoses(folder: string, isAsked: boolean): Diagnosis[] {
  const missing = isAsked ? "problem" : "note";
  if (!existsSync(folder)) {
    const mend = download(Object.values(officialNames), folder);
    return [{ name: "models", state: missing, detail: `${folder} is not there`, mend }];
  }
  return verifyModels(folder).map(({ part, folder: place, detail, problems }) => {
    if (problems.length === 0) return { name: part, state: "ok", detail };
    const name = officialModels.find((model) => model.name === basename(place))?.name ?? officialNames[part];
    return { name: part, state: missing, detail: problems.join("; "), mend: download([name], folder) };
  });
}

function download(names: readonly string[], folder: string): string {
  return `acewright models download ${names.join(" ")} -o ${shellWord(folder)}`;
}
