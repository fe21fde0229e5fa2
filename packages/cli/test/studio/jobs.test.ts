import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { JobStore } from "../../dist/studio/jobs/job-store.js";
import type { Job } from "../../dist/studio/api.js";
import { folderWithSongs, newFolder, openBrowser } from "./open.js";
import { until } from "../until.js";

const scan = { kind: "scan", title: "songs", words: ["dataset", "scan", "songs", "-o", "dataset.json"] };

function openStore(folder: string): JobStore {
  const store = new JobStore(folder);
  onTestFinished(() => {
    for (const { id, status } of store.list())
      if (status === "running" || status === "waiting") store.stop(id);
    store.close();
  });
  return store;
}

async function ended(store: JobStore, id: string): Promise<Job> {
  return await until(
    () => {
      const { job } = store.view(id, 0);
      expect(["done", "failed", "stopped"]).toContain(job.status);
      return job;
    },
    { timeout: 30_000, interval: 50 },
  );
}

/** It has said something. */
async function begun(store: JobStore, id: string): Promise<void> {
  await until(
    () => {
      expect(store.view(id, 0).output).toHaveLength(1);
    },
    { timeout: 30_000, interval: 50 },
  );
}

test("a job is a command line in the workspace, whose output is read as it grows", async () => {
  const folder = folderWithSongs();
  const store = openStore(folder);
  const added = store.add({ ...scan, makes: "dataset.json" });
  expect(added).toMatchObject({ status: "running", makes: "dataset.json", title: "songs", kind: "scan" });
  expect(added.line).toBe("acewright dataset scan songs -o dataset.json");
  const job = await ended(store, added.id);
  expect(job.status).toBe("done");
  expect(job.endedAt).toBeDefined();
  expect(existsSync(join(folder, "dataset.json"))).toBe(true);
  const whole = store.view(added.id, 0);
  expect(whole.output.at(-1)).toMatchObject({ report: { files: 3 } });
  expect(store.view(added.id, whole.next)).toMatchObject({ output: [], next: whole.next });
});

test("jobs run one at a time, in their order; one that waits can be taken back", async () => {
  const folder = folderWithSongs();
  const store = openStore(folder);
  const first = store.add(scan);
  const second = store.add({ ...scan, words: ["dataset", "scan", "songs", "-o", "second.json"] });
  const third = store.add({ ...scan, words: ["dataset", "scan", "songs", "-o", "third.json"] });
  expect([first, second, third].map(({ status }) => status)).toEqual(["running", "waiting", "waiting"]);
  expect(store.list().map(({ id }) => id)).toEqual([third.id, second.id, first.id]);
  expect(store.stop(second.id).status).toBe("stopped");
  const [a, c] = [await ended(store, first.id), await ended(store, third.id)];
  expect([a.status, c.status]).toEqual(["done", "done"]);
  expect((a.endedAt ?? "") <= (c.startedAt ?? "")).toBe(true);
  expect(existsSync(join(folder, "second.json"))).toBe(false);
});

test("two studios in one folder begin a job once", async () => {
  const folder = folderWithSongs();
  const [one, other] = [openStore(folder), openStore(folder)];
  const first = one.add(scan);
  const waiting = ["a", "b", "c"].map((name) =>
    other.add({ ...scan, words: ["dataset", "scan", "songs", "-o", `${name}.json`] }),
  );
  for (const { id } of [first, ...waiting]) {
    expect((await ended(one, id)).status).toBe("done");
    expect(one.view(id, 0).output.filter((line) => (line as { type?: string }).type !== "bar")).toHaveLength(
      1,
    );
  }
});

test("a job that fails says why, in the command line's own words", async () => {
  const store = openStore(newFolder());
  const job = await ended(store, store.add({ ...scan, words: ["dataset", "show", "none.json"] }).id);
  expect(job.status).toBe("failed");
  expect(job.error).toMatch(/none\.json: does not exist/);
});

test("a job goes on when the studio closes, and the next one knows how it ended", async () => {
  const folder = folderWithSongs();
  const before = new JobStore(folder);
  const { id } = before.add(scan);
  const waiting = before.add({ ...scan, words: ["dataset", "scan", "songs", "-o", "later.json"] });
  before.close();
  const after = openStore(folder);
  expect((await ended(after, id)).status).toBe("done");
  expect((await ended(after, waiting.id)).status).toBe("done");
  expect(existsSync(join(folder, "later.json"))).toBe(true);
});

test("stopping asks as Ctrl-C would; a process that was killed is not taken for one that did its work", async () => {
  const store = openStore(newFolder());
  const serve = { kind: "studio", title: "waits for ever", words: ["studio", ".", "--port", "0"] };
  const polite = store.add(serve);
  await begun(store, polite.id);
  store.stop(polite.id);
  expect((await ended(store, polite.id)).status).toBe("stopped");
  const killed = store.add(serve);
  await begun(store, killed.id);
  const [{ pid }] = readRecords(store) as [{ pid: number }];
  process.kill(pid, "SIGKILL");
  const job = await ended(store, killed.id);
  expect(job.status).toBe("failed");
  expect(job.error).toMatch(/killed/);
});

test("a running job is not forgotten; a forgotten one leaves what it made", async () => {
  const { studio, folder, post, get, fetch } = await openBrowser(folderWithSongs());
  const { id } = studio.jobs.add(scan);
  expect((await post(`jobs/${id}/remove`)).status).toBe(400);
  await ended(studio.jobs, id);
  expect((await post(`jobs/${id}/remove`)).status).toBe(200);
  expect(await get("jobs")).toEqual([]);
  expect(existsSync(join(folder, "dataset.json"))).toBe(true);
  for (const unknown of [id, "..", "%2e%2e%2f", "none", "%00"])
    expect((await fetch(`/api/jobs/${unknown}`)).status, unknown).toBeGreaterThanOrEqual(400);
});

test("a job's folder that somebody damaged is passed over", async () => {
  const folder = folderWithSongs();
  const store = openStore(folder);
  const { id } = store.add(scan);
  await ended(store, id);
  const jobs = join(folder, ".acewright/jobs");
  expect(readdirSync(jobs)).toEqual([id]);
  writeFileSync(join(jobs, id, "job.json"), '{"id": 3');
  expect(store.list()).toEqual([]);
});

/** Newest first, as the store lists them. */
function readRecords(store: JobStore): unknown[] {
  return (store as unknown as { records(): unknown[] }).records().reverse();
}
