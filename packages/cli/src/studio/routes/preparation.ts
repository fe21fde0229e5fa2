import { AceError } from "@acewright/core-native";
import { Hono } from "hono";
import { z } from "zod";
import type { FreeName, LanguageModels } from "../dataset-api.js";
import type { DatasetFiles } from "../datasets/dataset-files.js";
import { annotationJob, annotationPreview, labelJob, languageModels } from "../datasets/machines.js";
import {
  analyzeJob,
  checkJob,
  datasetName,
  preprocessJob,
  scanJob,
  tensorsName,
} from "../datasets/preparation.js";
import type { NewJob } from "../jobs/job-store.js";
import type { StudioParts } from "../open-studio.js";
import { bodyOf, queryOf } from "./input.js";

const Settings = z.record(z.string(), z.string()).default({});
const Path = z.object({ path: z.string() });

/** The long works on the way from a folder of songs to tensors, each a job. */
export function preparationRoutes(parts: StudioParts, files: DatasetFiles): Hono {
  const { workspace, jobs, models } = parts;
  const app = new Hono();
  const add = (job: NewJob) => {
    const twin = jobs
      .list()
      .find(
        ({ kind, makes, status }) =>
          kind === job.kind && makes === job.makes && (status === "running" || status === "waiting"),
      );
    if (twin !== undefined)
      throw new AceError("ERR_CONFIG", `${twin.title}: is at work, or waits for its turn, already`);
    return jobs.add(job);
  };
  app.get("/tensors-name", async (c) => {
    const free: FreeName = { name: tensorsName(parts, await files.open(queryOf(c, Path).path)) };
    return c.json(free);
  });
  app.get("/dataset-name", (c) => {
    const free: FreeName = { name: datasetName(parts, queryOf(c, Path).path) };
    return c.json(free);
  });
  app.post("/scan", async (c) => {
    const body = await bodyOf(
      c,
      z.strictObject({ folder: z.string().min(1), output: z.string().min(1), settings: Settings }),
    );
    return c.json(add(scanJob(parts, body)));
  });
  app.post("/check", async (c) => {
    const { path, model } = await bodyOf(
      c,
      z.strictObject({ path: z.string(), model: z.string().default("") }),
    );
    return c.json(add(checkJob(workspace, await files.open(path), model)));
  });
  app.post("/analyze", async (c) => {
    const { path, settings } = await bodyOf(c, z.strictObject({ path: z.string(), settings: Settings }));
    return c.json(add(analyzeJob(workspace, await files.open(path), settings)));
  });
  app.get("/language-models", (c) => {
    const known: LanguageModels = { paths: languageModels(workspace, models) };
    return c.json(known);
  });
  app.post("/label", async (c) => {
    const { path, ...choices } = await bodyOf(
      c,
      z.strictObject({
        path: z.string(),
        model: z.string().min(1),
        lm: z.string().min(1),
        settings: Settings,
      }),
    );
    return c.json(add(labelJob(workspace, await files.open(path), choices)));
  });
  for (const task of ["transcribe", "caption"] as const) {
    const Annotate = z.strictObject({ path: z.string(), settings: Settings });
    app.post(`/${task}/preview`, async (c) => {
      const { path, settings } = await bodyOf(c, Annotate);
      return c.json(await annotationPreview(workspace, await files.open(path), task, settings));
    });
    app.post(`/${task}`, async (c) => {
      const { path, settings } = await bodyOf(c, Annotate);
      return c.json(add(annotationJob(workspace, await files.open(path), task, settings)));
    });
  }
  app.post("/preprocess", async (c) => {
    const { path, ...choices } = await bodyOf(
      c,
      z.strictObject({
        path: z.string(),
        output: z.string().min(1),
        model: z.string().min(1),
        settings: Settings,
      }),
    );
    return c.json(add(preprocessJob(workspace, await files.open(path), choices)));
  });
  return app;
}
