import { join } from "node:path";
import { expect, test } from "vitest";
import { readEventLog } from "../../src/run/event-log.js";
import { nodeFiles } from "../../src/run/files.js";
import { quadraticModel } from "../quadratic-model.js";
import { bytesOf, events, ofType, scratch } from "../trained.js";
import type { Dawdle } from "./kill-child.js";
import { killOnce, type Kill } from "./kill-once.js";
import { killRuns } from "./kill-run.js";

const full = process.env["ACEWRIGHT_TEST_FULL"] === "1";
/** Kills, and how many of them between a folder's writing and its rename. */
const wanted = full ? { kills: 50, inRename: 12, perRun: 10 } : { kills: 5, inRename: 2, perRun: 5 };

test.each(["quadratic", "toy"] as const)(
  `a run of the %s model killed ${wanted.kills} times at random moments ends as one never killed`,
  { timeout: 900_000 },
  async (kind) => {
    const root = scratch();
    const { config } = killRuns[kind];
    // Here nothing needs to dawdle.
    const parts =
      kind === "quadratic"
        ? { ...killRuns.quadratic.parts(), native: quadraticModel() }
        : killRuns.toy.parts();
    await events(config(join(root, "whole")), {}, parts);
    const expected = {
      final: bytesOf(join(root, "whole", "final")),
      best: bytesOf(join(root, "whole", "best")),
    };
    const kills: Kill[] = [];
    for (let number = 0; kills.length < wanted.kills; number++) {
      const run = join(root, `run-${number}`);
      for (let i = 0; i < wanted.perRun && kills.length < wanted.kills; i++) {
        const inRename = kills.filter(({ at }) => at === "renameSync").length;
        // The kills that are left must be in renames where otherwise too few would be: the first one of a process always comes.
        const isLast = wanted.kills - kills.length <= wanted.inRename - inRename;
        const dawdle: Dawdle | null =
          inRename < wanted.inRename && (isLast || i % 2 === 1)
            ? { call: "renameSync", nth: isLast ? 0 : i % 5 }
            : i % 4 === 2
              ? { call: "fsync", nth: i }
              : null;
        const kill = await killOnce(kind, run, { dawdle, withinMs: kind === "toy" ? 2500 : 700 });
        if (kill === undefined) break;
        kills.push(kill);
      }
      await events(config(run), { resume: "if-possible" }, parts);
      expect(bytesOf(join(run, "final"))).toEqual(expected.final);
      expect(bytesOf(join(run, "best"))).toEqual(expected.best);
      const steps = ofType(readEventLog(nodeFiles, join(run, "events.jsonl")), "step").map(
        ({ step }) => step,
      );
      expect(steps).toEqual(Array.from({ length: steps.length }, (_, n) => n + 1));
    }
    for (const { offsetMs, fromStep, at } of kills)
      console.log(`${kind}: killed ${offsetMs.toFixed(1)} ms after step ${fromStep} was resumed (${at})`);
    expect(new Set(kills.map(({ offsetMs }) => offsetMs.toFixed(3))).size).toBe(wanted.kills);
    expect(kills.filter(({ at }) => at === "renameSync").length).toBeGreaterThanOrEqual(wanted.inRename);
  },
);
