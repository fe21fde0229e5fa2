import { appendFileSync, mkdirSync, mkdtempSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tailRun } from "../../dist/index.js";

function newRun(): { folder: string; log: string } {
  const folder = mkdtempSync(join(tmpdir(), "acewright-tail-"));
  mkdirSync(join(folder, "checkpoints"));
  writeFileSync(join(folder, "config.json"), "{}");
  return { folder, log: join(folder, "events.jsonl") };
}

const line = (step: number): string =>
  `${JSON.stringify({ type: "warning", step, message: "ä", time: "x" })}\n`;

test("each look brings the whole lines since the last one", () => {
  const { folder, log } = newRun();
  expect(tailRun(folder, 0)).toEqual({ events: [], from: 0, next: 0 });
  writeFileSync(log, line(1) + line(2).slice(0, 9));
  const first = tailRun(folder, 0);
  expect(first.events.map(({ step }) => step)).toEqual([1]);
  expect(first.next).toBe(Buffer.byteLength(line(1)));
  appendFileSync(log, line(2).slice(9) + line(3));
  const second = tailRun(folder, first.next);
  expect(second.from).toBe(first.next);
  expect(second.events.map(({ step }) => step)).toEqual([2, 3]);
  expect(tailRun(folder, second.next)).toEqual({ events: [], from: second.next, next: second.next });
});

test("a log that a resume cut is told anew, shorter or with another line where one was read to", () => {
  const { folder, log } = newRun();
  writeFileSync(log, line(1) + line(2) + line(3));
  const { next } = tailRun(folder, 0);
  truncateSync(log, Buffer.byteLength(line(1)));
  expect(tailRun(folder, next)).toMatchObject({ from: 0, events: [{ step: 1 }] });
  appendFileSync(log, line(2222) + line(3333));
  const anew = tailRun(folder, next);
  expect(anew.from).toBe(0);
  expect(anew.events.map(({ step }) => step)).toEqual([1, 2222, 3333]);
});

test("a folder that holds no run is refused", () => {
  expect(() => tailRun(tmpdir(), 0)).toThrow(/holds no run/);
});
