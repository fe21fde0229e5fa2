import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nodeFiles } from "../../src/run/files.js";
import { isRunLocked, RunLock } from "../../src/run/run-lock.js";
import { events, parts, scratch, shortRun } from "../trained.js";

const lockOf = (run: string, owner: object | string) => {
  writeFileSync(join(run, "run.lock"), typeof owner === "string" ? owner : JSON.stringify(owner));
};

test("a lock is there while it is held and gone afterwards", () => {
  const run = scratch();
  const lock = RunLock.take(nodeFiles, run);
  expect(isRunLocked(nodeFiles, run)).toBe(true);
  lock.verify();
  lock.release();
  expect(existsSync(join(run, "run.lock"))).toBe(false);
  expect(isRunLocked(nodeFiles, run)).toBe(false);
});

test("a run held by a living process is refused, naming it", () => {
  const run = scratch();
  RunLock.take(nodeFiles, run);
  expect(() => RunLock.take(nodeFiles, run)).toThrow(
    new RegExp(`process ${process.pid} is training into this run; stop it first, or delete .*run.lock`),
  );
});

test("the lock of a process that is gone is taken over", async () => {
  const run = scratch();
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  lockOf(run, { pid: child.pid, host: hostname(), started: null });
  const lock = RunLock.take(nodeFiles, run);
  expect(readFileSync(join(run, "run.lock"), "utf8")).toContain(`"pid":${process.pid}`);
  lock.release();
});

test.skipIf(process.platform !== "linux")(
  "a pid that another process has meanwhile is not taken for the old one",
  () => {
    const run = scratch();
    lockOf(run, { pid: process.pid, host: hostname(), started: "1" });
    RunLock.take(nodeFiles, run).release();
  },
);

test.each(["", "{", "null", "[]", '{"pid":"x"}'])(
  "a lock cut short by a crash (%j) is taken over",
  (text) => {
    const run = scratch();
    lockOf(run, text);
    RunLock.take(nodeFiles, run).release();
  },
);

test("a lock of another machine is never taken over", () => {
  const run = scratch();
  lockOf(run, { pid: 1, host: "elsewhere", started: null });
  expect(() => RunLock.take(nodeFiles, run)).toThrow(/process 1 on elsewhere, which this machine cannot ask/);
});

test("who lost the lock is told before it writes", () => {
  const run = scratch();
  const lock = RunLock.take(nodeFiles, run);
  lockOf(run, { pid: 1, host: "elsewhere", started: null });
  expect(() => {
    lock.verify();
  }).toThrow(/no longer holds the run/);
  lock.release();
  expect(existsSync(join(run, "run.lock"))).toBe(true);
});

test("a run whose lock another process has taken writes no further checkpoint, and leaves the lock", async () => {
  const run = join(scratch(), "run");
  const lock = join(run, "run.lock");
  const other = JSON.stringify({ pid: 1, host: "elsewhere", started: null });
  const duringStep = (step: number) => {
    if (step === 4) writeFileSync(lock, other);
    return Promise.resolve();
  };
  await expect(events(shortRun(run), {}, parts({ duringStep }))).rejects.toThrow(
    /run\.lock: this process no longer holds the run; training stops/,
  );
  expect(readdirSync(join(run, "checkpoints"))).toEqual(["step-00000003"]);
  expect(readFileSync(lock, "utf8")).toBe(other);
});
