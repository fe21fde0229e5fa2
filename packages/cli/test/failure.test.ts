import { readFileSync } from "node:fs";
import { AceError, advice, errors } from "@acewright/core-native";
import type { AceErrorCode } from "@acewright/core-native";
import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { ownCodes, systemRefusals } from "../src/advice.js";
import { completionTree } from "../src/completion/tree.js";
import { failureOf } from "../src/failure.js";
import { isTaken, program } from "./every-command.js";

const codes = Object.keys(errors) as AceErrorCode[];

test.each(codes)("%s exits with 2 where the input is at fault, with 1 where we are", (code) => {
  const error = new AceError(code, "x");
  expect(failureOf(error)).toMatchObject({ code, exitCode: error.isUserError ? 2 : 1 });
});

test("every code has its advice, and docs/errors.md shows it", () => {
  const page = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8").replaceAll("\\", "");
  const all = [
    ...codes.map((code) => failureOf(new AceError(code, "x"))),
    ...Object.keys(systemRefusals).map((code) => failureOf(Object.assign(new Error("x"), { code }))),
    failureOf(new CommanderError(1, "commander.unknownOption", "x")),
    failureOf(new DOMException("stopped", "AbortError")),
  ];
  expect(all.map(({ code }) => code)).toEqual([
    ...codes,
    ...Object.keys(systemRefusals),
    ...Object.keys(ownCodes),
  ]);
  for (const { code, advice } of all) {
    expect(advice.length, code).toBeGreaterThan(10);
    expect(
      page.split("\n").some((row) => row.includes(`\`${code}\``) && row.includes(advice)),
      code,
    ).toBe(true);
  }
});

test("every flag that an advice names is one that a command has, with such a value", async () => {
  const flags = new Set(completionTree(program()).flatMap((node) => node.flags));
  const named = Object.values(advice).flatMap((text) => text.match(/--[a-z0-9-]+/g) ?? []);
  expect(named.length).toBeGreaterThan(5);
  for (const flag of named) expect(flags, flag).toContain(flag);
  const smaller = [...advice.ERR_OUT_OF_MEMORY.matchAll(/--[a-z0-9-]+ [a-z0-9_]+(?=,|\.| with)/g)].map(
    ([words]) => words,
  );
  expect(smaller.length).toBeGreaterThan(2);
  expect(await isTaken(`train tensors -o run ${smaller.join(" ")}`)).toBe(true);
});

test("a message is one line whatever it was made of", () => {
  const { message } = failureOf(new AceError("ERR_FILE", "a.wav: no header\n  expected RIFF\r\n"));
  expect(message).toBe("a.wav: no header expected RIFF");
});

test("a full disk is named and is not our fault", () => {
  const error = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  expect(failureOf(error)).toMatchObject({ exitCode: 2, code: "ENOSPC" });
  expect(failureOf(error).message).toMatch(/disk is full/);
});

test("an abort is an interruption", () => {
  expect(failureOf(new DOMException("stopped", "AbortError"))).toMatchObject({ exitCode: 130 });
});

test("an unknown error is ours and says so", () => {
  expect(failureOf(new TypeError("x is not a function"))).toMatchObject({
    exitCode: 1,
    code: "ERR_INTERNAL",
  });
  expect(failureOf("thrown text")).toMatchObject({ exitCode: 1, code: "ERR_INTERNAL" });
});

test("usage errors exit with 2, help and version with 0", () => {
  const unknown = new CommanderError(
    1,
    "commander.unknownOption",
    "error: unknown option '--rnk'\n(Did you mean --rank?)",
  );
  expect(failureOf(unknown)).toEqual({
    exitCode: 2,
    code: "USAGE",
    message: "unknown option '--rnk' (Did you mean --rank?)",
    advice: "`acewright COMMAND --help` shows flags, arguments and examples.",
  });
  expect(failureOf(new CommanderError(0, "commander.version", "0.1.0")).exitCode).toBe(0);
});

test("what a package says of a setting is said of its flag", () => {
  const said = (message: string) => failureOf(new AceError("ERR_CONFIG", message)).message;
  expect(said("validationFraction 0.9 of 2 songs leaves none; batchSize 1 and rank 16 would do")).toBe(
    "--validation-fraction 0.9 of 2 songs leaves none; --batch-size 1 and rank 16 would do",
  );
  // Said already, not a setting, a name within another, or what stands in a file.
  for (const same of [
    "batchSize (--batch-size) is too large",
    "the metaHead is missing",
    "songs.batchSize is too large",
    "run/config.json: batchSize: expected a whole number",
  ])
    expect(said(same)).toBe(same);
});
