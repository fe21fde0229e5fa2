import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { AceError } from "@acewright/core-native";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { exitCodes, failureOf } from "../failure.js";
import { Guard } from "./guard.js";
import { JobStore } from "./jobs/job-store.js";
import { importMap, servePage } from "./page-files.js";
import { Planner } from "./planning/planner.js";
import { routes } from "./routes/routes.js";
import { Survey } from "./survey.js";
import { Workspace } from "./workspace.js";

export interface StudioOptions {
  /** What the page shows and writes into. */
  readonly folder: string;
  /** Folders of checkpoints. */
  readonly models: string;
  /** Further folders that may be looked into. */
  readonly allowRoots?: readonly string[];
  /** 0 for any that is free. */
  readonly port: number;
}

/** A studio that listens. */
export interface Studio {
  /** The link that lets a browser in. */
  readonly url: string;
  /** Jobs that are not done. */
  readonly jobs: JobStore;
  close(): Promise<void>;
}

/** What a route needs of the studio. */
export interface StudioParts {
  readonly workspace: Workspace;
  readonly survey: Survey;
  readonly jobs: JobStore;
  readonly planner: Planner;
  /** Folder of checkpoints. */
  readonly models: string;
}

/** More than the lyrics of ten thousand songs. */
const mostBody = 64 * 2 ** 20;

/**
 * Serves the page to this machine.
 *
 * @throws {AceError} ERR_FILE for a folder that does not exist, ERR_CONFIG for a port that is taken.
 */
export async function openStudio(options: StudioOptions): Promise<Studio> {
  const { folder, models, allowRoots = [], port } = options;
  const workspace = new Workspace(folder, [...allowRoots, ...(existsSync(models) ? [models] : [])]);
  const jobs = new JobStore(workspace.folder);
  const planner = new Planner(workspace.folder);
  const parts: StudioParts = { workspace, survey: new Survey(workspace, models), jobs, planner, models };
  const guard = new Guard(importMap);
  const app = new Hono();
  app.use(guard.manners);
  app.get("/open", guard.open);
  app.use(guard.known);
  app.use(bodyLimit({ maxSize: mostBody }));
  servePage(app);
  app.route("/api", routes(parts));
  app.notFound((c) =>
    c.json({ error: { code: "UNKNOWN", message: `${c.req.path}: there is nothing here`, advice: "" } }, 404),
  );
  app.onError((error, c) => {
    const { exitCode, ...failure } = failureOf(error);
    return c.json({ error: failure }, exitCode === exitCodes.input ? 400 : 500);
  });
  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      reject(
        cause.code === "EADDRINUSE"
          ? new AceError("ERR_CONFIG", `port ${port} is taken; name another with --port, or 0 for any`, {
              cause,
            })
          : cause,
      );
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${taken}/open?token=${guard.token}`,
    jobs,
    close: async () => {
      jobs.close();
      planner.close();
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        if ("closeAllConnections" in server) server.closeAllConnections();
      });
    },
  };
}
