import { AceError, errors } from "@acewright/core-native";
import type { AceErrorCode } from "@acewright/core-native";
import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { failureOf } from "../src/failure.js";

const codes = Object.keys(errors) as AceErrorCode[];

test.each(codes)("%s exits with 2 where the input is at fault, with 1 where we are", (code) => {
  const error = new AceError(code, "x");
  expect(failureOf(error)).toMatchObject({ code, exitCode: error.isUserError ? 2 : 1 });
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
  });
  expect(failureOf(new CommanderError(0, "commander.version", "0.1.0")).exitCode).toBe(0);
});
