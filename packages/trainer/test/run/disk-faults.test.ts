import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nodeFiles, type Files } from "../../src/run/files.js";
import { bytesOf, events, parts, scratch, shortRun } from "../trained.js";

type Call = keyof Files;

/** Files whose `nth` call (from 0) of one kind fails as a full or broken disk does. */
function failing(call: Call, nth: number, code: string): { files: Files; reached: () => boolean } {
  let count = 0;
  let reached = false;
  const real = nodeFiles[call] as (...args: unknown[]) => unknown;
  const broken = (...args: unknown[]) => {
    if (count++ === nth) {
      reached = true;
      throw Object.assign(new Error(`${code}: ${call}`), { code });
    }
    return real(...args);
  };
  return { files: { ...nodeFiles, [call]: broken }, reached: () => reached };
}

const faults: [Call, string, RegExp][] = [
  ["openSync", "ENOSPC", /the disk is full; free some space and resume/],
  ["writeSync", "ENOSPC", /the disk is full; free some space and resume/],
  ["fsync", "EIO", /the disk reports an input\/output error/],
  ["renameSync", "EIO", /the disk reports an input\/output error/],
  ["mkdirSync", "EACCES", /no permission to write here/],
];

test.each(faults)(
  "%s failing with %s at any moment ends in one clear line, and the run resumes to the same adapter",
  { timeout: 240_000 },
  async (call, code, message) => {
    const root = scratch();
    const changes = { saveEverySteps: 2, validationEvery: 3 };
    await events(shortRun(join(root, "whole"), changes));
    const expected = bytesOf(join(root, "whole", "final"));
    // Every moment costs a run: steps grow with the number of the call.
    let nth = 0;
    for (let tried = 0; ; tried++) {
      const run = join(root, `${call}-${nth}`);
      const { files, reached } = failing(call, nth, code);
      const failed = await events(shortRun(run, changes), {}, parts({}, { files })).then(
        () => undefined,
        (error: unknown) => error as Error,
      );
      if (!reached()) {
        expect(tried).toBeGreaterThan(1);
        expect(failed).toBeUndefined();
        return;
      }
      expect(failed?.message, `${call} ${nth}`).toMatch(message);
      expect(failed?.message).not.toContain("\n");
      expect(existsSync(join(run, "run.lock")), `${call} ${nth}: lock`).toBe(false);
      const left = existsSync(run)
        ? readdirSync(join(run, "checkpoints")).filter((name) => name.startsWith("."))
        : [];
      expect(left).toEqual([]);
      await events(shortRun(run, changes), { resume: "if-possible" });
      expect(bytesOf(join(run, "final")), `${call} ${nth}`).toEqual(expected);
      nth += 1 + Math.floor(nth / 2);
    }
  },
);
