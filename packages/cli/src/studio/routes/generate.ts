import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { AceError } from "@acewright/core-native";
import { GenerateSettings, runPaths } from "@acewright/trainer";
import { Hono } from "hono";
import { z } from "zod";
import { shellLine } from "../../choices/command-line.js";
import type { RunRow } from "../api.js";
import { formFields } from "../form/form-fields.js";
import type { FormGroup } from "../form-api.js";
import { newName, refuseTaken } from "../new-names.js";
import type { StudioParts } from "../open-studio.js";
import type { FoundAdapter, SongBasis, SongCheck, SongsForm } from "../songs-api.js";
import { foundSongs, songsFolder } from "../songs/found-songs.js";
import { withLyricsFile } from "../songs/long-lyrics.js";
import { readSong } from "../songs/song-choices.js";
import type { Workspace } from "../workspace.js";
import { bodyOf, queryOf } from "./input.js";

const Choices = z.strictObject({
  model: z.string(),
  adapters: z.array(z.strictObject({ path: z.string().min(1), scale: z.string() })).max(64),
  output: z.string(),
  settings: z.record(z.string(), z.string()),
});

/** Songs by the model and its adapters, and those that were made. */
export function generateRoutes(parts: StudioParts): Hono {
  const { workspace, survey, jobs, planner } = parts;
  const app = new Hono();
  app.get("/form", async (c) => {
    const { runs } = await survey.look();
    const form: SongsForm = {
      groups: [songGroup()],
      adapters: runs.flatMap((run) => adaptersOf(run, workspace)),
    };
    return c.json(form);
  });
  app.get("/basis", (c) => {
    const { run } = queryOf(c, z.object({ run: z.string() }));
    const folder = workspace.resolve(run);
    const { config, final, checkpoints } = survey.summary(folder);
    const newest = checkpoints.at(-1);
    const adapter =
      final !== undefined ? folder : newest === undefined ? undefined : runPaths(folder).checkpoint(newest);
    const basis: SongBasis = {
      ...(workspace.has(config.model) ? { model: workspace.show(config.model) } : {}),
      ...(adapter === undefined ? {} : { adapter: workspace.show(adapter) }),
      trigger: config.trigger ?? "",
    };
    return c.json(basis);
  });
  app.get("/name", (c) => {
    const { several } = queryOf(c, z.object({ several: z.enum(["yes", "no"]).default("no") }));
    const [stem, ending] = several === "yes" ? ["songs", ""] : ["song", ".wav"];
    return c.json({ output: newName(`${songsFolder}/${stem}`, ending, workspace, jobs) });
  });
  app.post("/check", async (c) => {
    const { problems, words } = readSong(await bodyOf(c, Choices), workspace);
    const check: SongCheck = { problems, line: words.length === 0 ? "" : `acewright ${shellLine(words)}` };
    return c.json(check);
  });
  app.post("/start", async (c) => {
    const choices = await bodyOf(c, Choices);
    const { problems, words, isFolder } = readSong(choices, workspace);
    const [problem] = problems;
    if (problem !== undefined) throw new AceError("ERR_CONFIG", problem.text);
    refuseTaken(choices.output, isFolder ? "folder" : "file", parts);
    const output = workspace.resolve(choices.output);
    // The command makes no folder for a single song: a name may be mistyped there, here it was proposed.
    mkdirSync(dirname(output), { recursive: true });
    planner.makeRoom();
    const title = titleOf(choices.settings["caption"] ?? "");
    const line = withLyricsFile(words, workspace);
    return c.json(jobs.add({ kind: "generate", title, words: line, makes: workspace.show(output) }));
  });
  app.get("/songs", (c) => c.json(foundSongs(jobs.list(), workspace)));
  return app;
}

/** Those that everyone thinks of stand open; what is left is one group. */
function songGroup(): FormGroup {
  const basic = ["caption", "lyrics", "durationS", "seed", "steps", "guidance"];
  return { name: "song", title: "Other settings of the song", basic, fields: formFields(GenerateSettings) };
}

function adaptersOf({ path, final, best, checkpoints }: RunRow, workspace: Workspace): FoundAdapter[] {
  const paths = runPaths(workspace.resolve(path));
  return [
    ...(final ? [{ path, run: path, which: "final" as const }] : []),
    ...(best === undefined
      ? []
      : [{ path: workspace.show(paths.best), run: path, which: "best" as const, step: best.step }]),
    ...checkpoints.map((step) => ({
      path: workspace.show(paths.checkpoint(step)),
      run: path,
      which: "checkpoint" as const,
      step,
    })),
  ];
}

const longestTitle = 60;

function titleOf(caption: string): string {
  const line = caption.trim().replace(/\s+/g, " ");
  return `song: ${line.length > longestTitle ? `${line.slice(0, longestTitle - 1)}…` : line}`;
}
