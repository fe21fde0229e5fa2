import { AceError } from "@acewright/core-native";
import {
  editableTexts,
  filterSamples,
  MetadataEdit,
  redoChange,
  SampleEdit,
  undoChange,
} from "@acewright/dataset";
import { Hono } from "hono";
import { z } from "zod";
import type {
  ChangedElsewhereCode,
  DatasetChanged,
  DatasetFields,
  DatasetPick,
  DatasetView,
} from "../dataset-api.js";
import { sendAudio } from "../audio.js";
import { ChangedElsewhere, DatasetFiles, type OpenDataset } from "../datasets/dataset-files.js";
import { applyEdit, DatasetEditBody } from "../datasets/dataset-edit.js";
import { findingsOf } from "../datasets/dataset-findings.js";
import { historyOf, metadataView, searchSongs, songRows, songView } from "../datasets/dataset-view.js";
import { fieldViews } from "../datasets/fields.js";
import { machineFields } from "../datasets/machines.js";
import { preparationFields, writers } from "../datasets/preparation.js";
import type { Job } from "../api.js";
import type { StudioParts } from "../open-studio.js";
import { bodyOf, queryOf } from "./input.js";
import { preparationRoutes } from "./preparation.js";

const Path = z.object({ path: z.string() });
const OneSong = Path.extend({ song: z.coerce.number().int().min(0) });
const AtRevision = z.strictObject({ path: z.string(), revision: z.string() });
const code: ChangedElsewhereCode = "CHANGED_ELSEWHERE";

/** The dataset room: songs, what is said of them, and how they sound. */
export function datasetRoutes(parts: StudioParts): Hono {
  const { workspace, jobs } = parts;
  const files = new DatasetFiles(workspace);
  const app = new Hono();
  app.onError((error, c) => {
    if (!(error instanceof ChangedElsewhere)) throw error;
    const advice = "Load it again; what you typed stays, and can be saved then.";
    return c.json({ error: { code, message: error.message, advice } }, 409);
  });
  const fields: DatasetFields = {
    song: fieldViews(SampleEdit),
    metadata: fieldViews(MetadataEdit),
    texts: editableTexts,
    ...preparationFields,
    ...machineFields,
  };
  app.get("/fields", (c) => c.json(fields));
  app.get("/view", async (c) => {
    const opened = await files.open(queryOf(c, Path).path);
    const writtenBy = writerOf(opened);
    const view: DatasetView = {
      path: opened.path,
      revision: opened.revision,
      metadata: metadataView(opened.dataset),
      songs: songRows(opened),
      history: historyOf(opened),
      warnings: opened.warnings,
      ...(await findingsOf(opened, jobs)),
      ...(writtenBy === undefined ? {} : { writtenBy }),
    };
    return c.json(view);
  });
  app.get("/revision", async (c) => {
    const opened = await files.open(queryOf(c, Path).path);
    return c.json({ revision: opened.revision, writtenBy: writerOf(opened) });
  });
  app.get("/song", async (c) => {
    const { path, song } = queryOf(c, OneSong);
    const opened = await files.open(path);
    return c.json(songView(opened, opened.dataset, song) ?? refuseSong(opened, song));
  });
  app.get("/audio", async (c) => {
    const { path, song, file } = queryOf(c, OneSong.extend({ file: z.string().optional() }));
    const opened = await files.open(path);
    const found = opened.songs[song] ?? refuseSong(opened, song);
    if (file !== undefined && file !== found.sample.audio_path) throw new ChangedElsewhere(opened.path);
    return await sendAudio(c, workspace.resolve(found.audioFile));
  });
  app.get("/select", async (c) => {
    const { path, text, filter } = queryOf(
      c,
      Path.extend({ text: z.string().default(""), filter: z.string().default("") }),
    );
    const opened = await files.open(path);
    const filters = filter
      .split(";")
      .map((each) => each.trim())
      .filter((each) => each !== "");
    const met = new Set(filterSamples(opened.dataset, filters));
    const songs = searchSongs(opened, text).filter((song) => met.has(song));
    const pick: DatasetPick = { revision: opened.revision, songs };
    return c.json(pick);
  });

  app.post("/edit", async (c) => {
    const body = await bodyOf(c, DatasetEditBody);
    const opened = await files.openAt(body.path, body.revision);
    const { dataset, changes, selected } = applyEdit(opened.dataset, body);
    if (!body.dryRun) {
      refuseWritten(opened);
      files.write(opened, dataset);
    }
    const { revision } = body.dryRun ? opened : await files.open(body.path);
    const [only] = body.songs?.length === 1 ? body.songs : [];
    const song = only === undefined ? undefined : songView({ revision }, dataset, only);
    const changed: DatasetChanged = {
      revision,
      history: historyOf(opened),
      changes,
      selected,
      ...(song === undefined ? {} : { song }),
    };
    return c.json(changed);
  });
  for (const [name, turn] of [
    ["undo", undoChange],
    ["redo", redoChange],
  ] as const) {
    app.post(`/${name}`, async (c) => {
      const { path, revision } = await bodyOf(c, AtRevision);
      const opened = await files.openAt(path, revision);
      refuseWritten(opened);
      files.refuseChanged(opened.path, opened.file, revision);
      turn(opened.file);
      const now = await files.open(path);
      const changed: DatasetChanged = {
        revision: now.revision,
        history: historyOf(now),
        changes: [],
        selected: now.songs.length,
      };
      return c.json(changed);
    });
  }
  app.route("/", preparationRoutes(parts, files));
  return app;

  function writerOf({ path }: OpenDataset): Job | undefined {
    return jobs
      .list()
      .find(({ kind, makes, status }) => writers.has(kind) && makes === path && status === "running");
  }

  /** A command reads the file once and writes it at its end: what is changed between would be lost. */
  function refuseWritten(opened: OpenDataset): void {
    const job = writerOf(opened);
    if (job !== undefined)
      throw new AceError(
        "ERR_CONFIG",
        `${opened.path}: “${job.title}” is writing it; save when that is done, or stop it first`,
      );
  }
}

function refuseSong({ path, songs }: OpenDataset, song: number): never {
  throw new AceError("ERR_CONFIG", `${path}: has no song ${song}, it holds ${songs.length}`);
}
