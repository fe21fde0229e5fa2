import { Hono } from "hono";
import { z } from "zod";
import type { StudioParts } from "../open-studio.js";
import { Offset, queryOf } from "./input.js";

/** What was started from the page: see it, stop it, forget it. Each room starts its own kinds. */
export function jobRoutes({ jobs }: StudioParts): Hono {
  const app = new Hono();
  app.get("/", (c) => c.json(jobs.list()));
  app.get("/:id", (c) => c.json(jobs.view(c.req.param("id"), queryOf(c, z.object({ from: Offset })).from)));
  app.post("/:id/stop", (c) => c.json(jobs.stop(c.req.param("id"))));
  app.post("/:id/remove", (c) => {
    jobs.remove(c.req.param("id"));
    return c.json({});
  });
  return app;
}
