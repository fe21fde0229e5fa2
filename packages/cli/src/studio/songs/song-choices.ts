import { AceError } from "@acewright/core-native";
import { GenerateSettings, parseAdapterUse } from "@acewright/trainer";
import { flagsFor } from "../../choices/command-line.js";
import type { FormProblem, Texts } from "../form-api.js";
import { readTexts } from "../form/read-texts.js";
import { asWord } from "../new-names.js";
import type { SongChoices } from "../songs-api.js";
import type { Workspace } from "../workspace.js";

/** What a command makes of the choices. */
export interface ReadSong {
  readonly problems: readonly FormProblem[];
  /** Empty while something is wrong. */
  readonly words: readonly string[];
  /** Several songs of one caption go into a folder. */
  readonly isFolder: boolean;
}

const seed = "seed";

/**
 * The command that makes the song, paths as the workspace shows them.
 *
 * @throws {AceError} ERR_FILE for a path that leads out of the workspace.
 */
export function readSong({ model, adapters, output, settings }: SongChoices, workspace: Workspace): ReadSong {
  const { seeds, rest } = seedsOf(settings);
  const { values, problems } = readTexts(GenerateSettings, rest);
  const wrong = [
    ...problems,
    ...seedProblems(rest, seeds),
    ...adapters.flatMap(({ scale }, i) => scaleProblem(scale, `adapters.${i}`)),
    ...(model === "" ? [{ path: "model", text: "model is missing; choose a model" }] : []),
    ...outputProblem(output, seeds.length > 0),
  ];
  const shown = (path: string): string => asWord(workspace.show(workspace.resolve(path)));
  // Before anything is refused in words: what leads out is no matter of a form.
  const places = [model, ...adapters.map(({ path }) => path), output].map((path) =>
    path === "" ? "" : shown(path),
  );
  const isFolder = seeds.length > 0;
  if (wrong.length > 0) return { problems: wrong, words: [], isFolder };
  const uses = adapters.map(({ scale }, i) => `${places[i + 1] ?? ""}:${scale.trim()}`);
  return {
    problems: [],
    isFolder,
    words: [
      ...["generate", "-m", places[0] ?? ""],
      ...uses.flatMap((use) => ["-a", use]),
      ...["-o", places.at(-1) ?? ""],
      ...flagsFor(GenerateSettings, values),
      ...(isFolder ? ["--seeds", seeds.join(",")] : []),
    ],
  };
}

/** One seed is a setting like others; several make a song each. */
function seedsOf(settings: Texts): { seeds: string[]; rest: Texts } {
  const text = settings[seed] ?? "";
  const seeds = text.split(",").flatMap((one) => (one.trim() === "" ? [] : [one.trim()]));
  if (seeds.length < 2) return { seeds: [], rest: { ...settings, [seed]: seeds[0] ?? "" } };
  return { seeds, rest: { ...settings, [seed]: "" } };
}

function seedProblems(rest: Texts, seeds: readonly string[]): FormProblem[] {
  const each = seeds.map((one) => readTexts(GenerateSettings, { ...rest, [seed]: one }).problems);
  return each
    .flat()
    .filter(({ path }) => path === seed)
    .slice(0, 1);
}

function scaleProblem(scale: string, path: string): FormProblem[] {
  try {
    // Read as the command reads it: what is no number becomes a part of the path there.
    if (parseAdapterUse(`a:${scale.trim()}`).path === "a" && /^-?[\d.]+$/.test(scale.trim())) return [];
  } catch (error) {
    if (!(error instanceof AceError)) throw error;
  }
  return [{ path, text: `scale: expected a number such as 1 or 0.7, got ${JSON.stringify(scale)}` }];
}

function outputProblem(output: string, isFolder: boolean): FormProblem[] {
  const isSong = /\.(wav|flac)$/i.test(output);
  if (output === "") return [{ path: "output", text: "output is missing; name a file" }];
  if (isFolder && isSong)
    return [{ path: "output", text: "several seeds make songs of their own names; name a folder for them" }];
  if (!isFolder && !isSong) return [{ path: "output", text: "a name that ends in .wav or .flac is needed" }];
  return [];
}
