import { posix, win32 } from "node:path";
import { expect, it } from "vitest";
import { isInside } from "../../src/dataset-file/inside-folder.js";

it.each([
  ["C:\\songs", true],
  ["C:\\songs\\a.wav", true],
  ["c:\\SONGS\\deep\\a.wav", true], // Windows does not tell case apart
  ["C:/songs/a.wav", true],
  ["C:\\songs\\..a.wav", true], // a name may begin with dots
  ["C:\\", false],
  ["C:\\songs2\\a.wav", false],
  ["C:\\songs\\..\\a.wav", false],
  ["D:\\songs\\a.wav", false],
  ["\\\\server\\share\\songs\\a.wav", false],
  ["\\\\?\\D:\\songs\\a.wav", false],
])("on Windows %s lies in C:\\songs: %s", (path, inside) => {
  expect(isInside(path, "C:\\songs", win32)).toBe(inside);
});

it("knows a share's folder from another share", () => {
  expect(isInside("\\\\nas\\music\\a\\b.wav", "\\\\nas\\music\\a", win32)).toBe(true);
  expect(isInside("\\\\nas\\other\\a\\b.wav", "\\\\nas\\music\\a", win32)).toBe(false);
});

// What a listed name resolves to is never another drive, share or parent, whatever slashes it is written with.
it.each([win32, posix])("no name made of hostile parts leaves its folder unseen", (system) => {
  const folder = system === win32 ? "C:\\songs\\set" : "/songs/set";
  const parts = [
    "..",
    ".",
    "a",
    "..a",
    "D:",
    "D:\\",
    "C:",
    "\\\\nas\\x",
    "\\",
    "/",
    "//",
    "C:\\songs\\set2",
    "ü",
  ];
  let inside = 0;
  for (const first of parts)
    for (const second of parts)
      for (const third of parts)
        for (const slash of ["/", "\\"]) {
          const path = system.resolve(folder, [first, second, third].join(slash));
          const below = `${folder}${system.sep}`.toLowerCase();
          const truly = path.toLowerCase() === folder.toLowerCase() || path.toLowerCase().startsWith(below);
          // A colon within the path is no name on Windows: such a path may be refused, but none outside let in.
          const isName = system === posix || !path.slice(2).includes(":");
          const answer = isInside(path, folder, system);
          expect([path, answer]).toEqual([path, isName ? truly : answer && truly]);
          if (answer) inside++;
        }
  expect(inside).toBeGreaterThan(50);
});
