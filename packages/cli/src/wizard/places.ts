import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { discoverModels } from "@acewright/dataset";
import { back } from "./questions.js";
import type { Answers } from "./session.js";
import type { Tools } from "./tools.js";
import type { Step } from "./walk.js";

type Place = Exclude<keyof Answers, "mode">;

/** Asks a path and remembers it. */
export function pathStep(
  { questions, answers }: Tools,
  place: Place,
  message: string,
  check: (path: string) => string | undefined,
): Step {
  return async () => {
    const path = await questions.path({ message, initial: answers[place], check });
    if (path === back) return back;
    answers[place] = path;
    return undefined;
  };
}

export function folderProblem(path: string): string | undefined {
  if (path === "") return "a folder is needed";
  if (!existsSync(resolve(path))) return `${path} does not exist`;
  return statSync(resolve(path)).isDirectory() ? undefined : `${path} is a file, a folder is needed`;
}

export function fileProblem(path: string): string | undefined {
  if (path === "") return "a file is needed";
  if (!existsSync(resolve(path))) return `${path} does not exist`;
  return statSync(resolve(path)).isFile() ? undefined : `${path} is a folder, a file is needed`;
}

/** Of a file or folder to write. */
export function newPathProblem(path: string): string | undefined {
  if (path === "") return "a name is needed";
  let above = dirname(resolve(path));
  while (!existsSync(above)) above = dirname(above);
  return statSync(above).isDirectory() ? undefined : `${above} is a file, nothing can lie in it`;
}

/** Of a folder that must not hold anything yet. */
export function emptyFolderProblem(path: string): string | undefined {
  const problem = newPathProblem(path);
  if (problem !== undefined || !existsSync(resolve(path))) return problem;
  if (!statSync(path).isDirectory()) return `${path} is a file, a folder is needed`;
  return readdirSync(path).length === 0 ? undefined : `${path} is not empty; choose another name`;
}

export function tensorsProblem(path: string): string | undefined {
  const problem = folderProblem(path);
  if (problem !== undefined) return `${problem}; "preprocess" in the menu makes it`;
  if (existsSync(join(path, "manifest.json"))) return undefined;
  return `${path} holds no tensors (no manifest.json); "preprocess" in the menu makes them`;
}

const elsewhere = "elsewhere";

/** Asks which model, among those that lie in the folder of checkpoints. */
export function modelStep(tools: Tools): Step {
  const { questions, answers } = tools;
  return async () => {
    for (;;) {
      const found = discoverModels(answers.checkpoints);
      if (found.length > 0) {
        const choices = found.map(({ name, folder, base, isOfficial }) => ({
          value:
            resolve(folder) === resolve(answers.checkpoints)
              ? answers.checkpoints
              : join(answers.checkpoints, name),
          label: name,
          hint: isOfficial ? base : `fine-tune, like ${base}`,
        }));
        const before = choices.filter(({ value }) => value === answers.model);
        const others = choices.filter(({ value }) => value !== answers.model);
        const picked = await questions.search(
          "Which model? Type a part of its name",
          [...before, ...others, { value: elsewhere, label: "another folder" }],
          elsewhere,
        );
        if (picked === back) return back;
        if (picked !== elsewhere) {
          answers.model = picked;
          return undefined;
        }
      }
      const folder = await questions.path({
        message: "Which folder holds the checkpoints?",
        initial: answers.checkpoints,
        check: checkpointsProblem,
      });
      if (folder !== back) answers.checkpoints = folder;
      else if (found.length === 0) return back;
    }
  };
}

function checkpointsProblem(path: string): string | undefined {
  const problem = folderProblem(path);
  if (problem === undefined && discoverModels(path).length > 0) return undefined;
  return `${problem ?? `${path} holds no ACE-Step model`}; "models" in the menu downloads one`;
}
