import { describe, expect, it } from "vitest";
import { renameFile, type RenameCalls } from "../../ts/rename.js";

/** A rename that fails with a code so many times, then works. */
function held(code: string, times: number, platform: NodeJS.Platform) {
  const told = { attempts: 0, paused: 0 };
  const calls: RenameCalls = {
    platform,
    pause: (milliseconds) => {
      told.paused += milliseconds;
    },
    rename: () => {
      if (told.attempts++ < times) throw Object.assign(new Error(`${code}: held`), { code });
    },
  };
  return { calls, told };
}

describe("renaming", () => {
  it.each(["EPERM", "EACCES", "EBUSY"])("waits on Windows for who holds the file (%s)", (code) => {
    const { calls, told } = held(code, 4, "win32");
    renameFile("a", "b", calls);
    expect(told).toEqual({ attempts: 5, paused: 10 + 20 + 40 + 80 });
  });

  it("gives up after a second and a half with the system's own error", () => {
    const { calls, told } = held("EBUSY", 1000, "win32");
    expect(() => {
      renameFile("a", "b", calls);
    }).toThrow("EBUSY: held");
    expect(told).toEqual({ attempts: 10, paused: 1500 });
  });

  it.each([
    ["ENOENT", "win32"],
    ["ENOSPC", "win32"],
    ["EPERM", "linux"],
    ["EBUSY", "darwin"],
  ] as const)("does not wait for %s on %s", (code, platform) => {
    const { calls, told } = held(code, 1, platform);
    expect(() => {
      renameFile("a", "b", calls);
    }).toThrow(code);
    expect(told).toEqual({ attempts: 1, paused: 0 });
  });
});
