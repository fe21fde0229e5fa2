import { AceError } from "@acewright/core-native";
import {
  findPreset,
  listPresets,
  savePreset,
  settingGroups,
  TrainConfig,
  withoutFolders,
} from "@acewright/trainer";
import { Hono } from "hono";
import { z } from "zod";
import { automatic } from "../../config-words.js";
import { shellLine } from "../../choices/command-line.js";
import { formFields } from "../form/form-fields.js";
import { textsOf } from "../form/read-texts.js";
import { asWord, refuseTaken, unfinished } from "../new-names.js";
import type { StudioParts } from "../open-studio.js";
import type { TrainBasis, TrainCheck, TrainDevice, TrainForm, TrainStarted } from "../train-api.js";
import { runBasis } from "../training/run-basis.js";
import { viewPlan } from "../training/plan-view.js";
import {
  configOf,
  newRunFolder,
  omitted,
  presetFolders,
  readSettings,
  wordsOf,
} from "../training/train-choices.js";
import { bodyOf, queryOf } from "./input.js";

const Choices = z.strictObject({
  tensors: z.string(),
  model: z.string(),
  output: z.string(),
  preset: z.string().default(""),
  settings: z.record(z.string(), z.string()).default({}),
});

/** A training, from the choice of its songs to its start. */
export function trainRoutes(parts: StudioParts): Hono {
  const { workspace, survey, jobs, planner } = parts;
  const app = new Hono();
  const isBusy = (): boolean => jobs.list().some(({ status }) => status === "running");

  app.get("/form", (c) => c.json(trainForm(parts)));
  app.get("/name", (c) => {
    const { tensors } = queryOf(c, z.object({ tensors: z.string() }));
    return c.json({ output: newRunFolder(tensors, workspace, jobs) });
  });
  app.get("/device", async (c) => {
    const { device, cuda } = await planner.ask({ about: "device" }, c.req.raw.signal);
    const { name, description, instructionSet, memoryBytes, freeBytes } = device;
    const facts = { name, description, instructionSet, memoryBytes, freeBytes };
    const view: TrainDevice = cuda.usable ? facts : { ...facts, whyNoGpu: cuda.text };
    return c.json(view);
  });

  app.get("/basis", (c) => {
    const { preset = "", run } = queryOf(
      c,
      z.object({ preset: z.string().optional(), run: z.string().optional() }),
    );
    if (run !== undefined) return c.json(runBasis(workspace.resolve(run), parts));
    const config = preset === "" ? {} : findPreset(preset, presetFolders(workspace)).preset.config;
    const basis: TrainBasis = { settings: textsOf(TrainConfig, config, { omit: omitted }) };
    return c.json(basis);
  });
  app.post("/suggest", async (c) => {
    const choices = await bodyOf(c, Choices);
    const config = configOf(planned(choices), workspace);
    const { settings, choices: why } = await planner.ask({ about: "suggestion", config }, c.req.raw.signal);
    const basis: TrainBasis = {
      settings: textsOf(TrainConfig, settings, { omit: omitted }),
      choices: why,
    };
    return c.json(basis);
  });

  app.post("/check", async (c) => {
    const choices = await bodyOf(c, Choices);
    const { values, problems } = readSettings(choices);
    const isWhole = problems.length === 0 && [choices.tensors, choices.model, choices.output].every(Boolean);
    const line = isWhole ? `acewright ${shellLine(wordsOf(choices, values, workspace))}` : "";
    const check: TrainCheck = { problems, line };
    return c.json(check);
  });
  app.post("/plan", async (c) => {
    const { measure, ...choices } = await bodyOf(c, Choices.extend({ measure: z.boolean().default(false) }));
    const config = configOf(planned(choices), workspace);
    if (measure && isBusy())
      throw new AceError(
        "ERR_CONFIG",
        "measure: another job runs, beside which the time would be a wrong one",
      );
    const plan = await planner.ask({ about: "plan", config, measure }, c.req.raw.signal);
    return c.json(viewPlan(plan, readSettings(choices).values, isBusy()));
  });

  app.post("/presets", async (c) => {
    const { name, description, settings, replace } = await bodyOf(
      c,
      z.strictObject({
        name: z.string(),
        description: z.string().default(""),
        settings: z.record(z.string(), z.string()),
        replace: z.boolean().default(false),
      }),
    );
    const { values, problems } = readSettings({ settings });
    const [problem] = problems;
    if (problem !== undefined) throw new AceError("ERR_CONFIG", problem.text);
    savePreset({ name, description, config: withoutFolders(values) }, { replace });
    return c.json(trainForm(parts));
  });

  app.post("/start", async (c) => {
    const { allowTooLarge, ...choices } = await bodyOf(
      c,
      Choices.extend({ allowTooLarge: z.boolean().default(false) }),
    );
    const config = configOf(choices, workspace);
    refuseTaken(choices.output, "folder", parts);
    const { values } = readSettings(choices);
    const words = [...wordsOf(choices, values, workspace), ...(allowTooLarge ? ["--allow-too-large"] : [])];
    return c.json(begin(workspace.show(config.output), words, "train"));
  });
  app.post("/resume", async (c) => {
    const { path } = await bodyOf(c, z.strictObject({ path: z.string() }));
    const folder = workspace.resolve(path);
    const { status } = survey.summary(folder);
    const run = workspace.show(folder);
    if (status === "running" || unfinished(jobs, run) !== undefined)
      throw new AceError("ERR_CONFIG", `${run}: is trained already; stop it first to go on in another way`);
    if (status === "finished")
      throw new AceError(
        "ERR_CONFIG",
        `${run}: is finished; train it further with more epochs, or go on from its adapter`,
      );
    return c.json(begin(run, ["train", "--resume", asWord(run)], "go on with"));
  });

  function begin(run: string, words: readonly string[], verb: string): TrainStarted {
    planner.makeRoom();
    return { job: jobs.add({ kind: "train", title: `${verb} ${run}`, words, makes: run }), run };
  }
  return app;
}

/** A plan writes nothing, so it may do without a place to write to. */
function planned<Choices extends { readonly output: string }>(choices: Choices): Choices {
  return choices.output === "" ? { ...choices, output: "run" } : choices;
}

function trainForm({ workspace }: StudioParts): TrainForm {
  const fields = formFields(TrainConfig, { omit: omitted });
  const unreadable: string[] = [];
  const found = listPresets((message) => {
    unreadable.push(message);
  }, presetFolders(workspace));
  return {
    groups: settingGroups.map(({ name, title, basic, fields: keys }) => ({
      name,
      title,
      basic,
      fields: fields.filter(({ path }) => keys.includes(path.split(".")[0] ?? "")),
    })),
    presets: found
      .filter(({ preset }) => preset.name !== automatic)
      .map(({ preset: { name, description }, file }) => ({ name, description, own: file !== undefined })),
    unreadable,
  };
}
