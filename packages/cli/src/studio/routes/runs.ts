import { tailRun } from "@acewright/trainer";
import { Hono } from "hono";
import { z } from "zod";
import type { RunView } from "../api.js";
import { sendAudio } from "../audio.js";
import type { StudioParts } from "../open-studio.js";
import { Offset, queryOf } from "./input.js";

/** A run while it trains and afterwards. */
export function runRoutes({ workspace, survey }: StudioParts): Hono {
  const app = new Hono();
  app.get("/view", (c) => {
    const { path, from } = queryOf(c, z.object({ path: z.string(), from: Offset }));
    const folder = workspace.resolve(path);
    const log = tailRun(folder, from);
    const { config } = survey.summary(folder);
    const view: RunView = { run: { ...survey.row(folder), config }, log };
    return c.json(view);
  });
  app.get("/audio", async (c) => {
    const { path } = queryOf(c, z.object({ path: z.string() }));
    return await sendAudio(c, workspace.resolve(path));
  });
  return app;
}
