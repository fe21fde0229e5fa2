import { Hono } from "hono";
import type { StudioParts } from "../open-studio.js";
import { exportRoutes } from "./export.js";
import { generateRoutes } from "./generate.js";
import { datasetRoutes } from "./dataset.js";
import { jobRoutes } from "./jobs.js";
import { runRoutes } from "./runs.js";
import { trainRoutes } from "./train.js";

/** Everything the page asks for, each room of the page with routes of its own. */
export function routes(parts: StudioParts): Hono {
  const app = new Hono();
  app.get("/workspace", async (c) => c.json(await parts.survey.look()));
  app.route("/dataset", datasetRoutes(parts));
  app.route("/jobs", jobRoutes(parts));
  app.route("/runs", runRoutes(parts));
  app.route("/train", trainRoutes(parts));
  app.route("/generate", generateRoutes(parts));
  app.route("/export", exportRoutes(parts));
  return app;
}
