import { describe, expect, it } from "vitest";
import { parseFinderCsv } from "../../src/scan/finder-csv.js";

const row = { file: "a.mp3", caption: "bells, slow", bpm: "125.3", key: "E minor" };

describe("a Key-BPM-Finder table", () => {
  it.each([
    ["commas", 'File,Artist,BPM,Key,Camelot,caption\na.mp3,x,125.3,E minor,9A,"bells, slow"\n'],
    ["semicolons", "file;bpm;key;Caption\r\na.mp3;125.3;E minor;bells, slow\r\n"],
    ["tabs", " FILE \tBPM\tKey\tcaption\na.mp3\t125.3\tE minor\tbells, slow"],
    ["a byte-order mark", "\ufeffFile;BPM;Key;caption\na.mp3;125.3;E minor;bells, slow"],
    [
      "quoted headers with other separators in them",
      '"File","BPM;x","Key;y;z","caption","bpm","key"\na.mp3,0,0,"bells, slow",125.3,E minor\n',
    ],
    ["empty lines", 'File,BPM,Key,caption\n\n\na.mp3,125.3,E minor,"bells, slow"\n\n'],
  ])("with %s is read", (_name, text) => {
    expect(parseFinderCsv(text)).toEqual([row]);
  });

  it("leaves out what it does not have, and rows without a file", () => {
    expect(parseFinderCsv("File\na.mp3\nb.mp3,too,many\n,\n")).toEqual([
      { file: "a.mp3", caption: "", bpm: "", key: "" },
      { file: "b.mp3", caption: "", bpm: "", key: "" },
    ]);
  });

  it.each([
    ["another table", "Name,Price\nx,1\n", /no column named "File"/],
    ["nothing", "", /no column named "File"/],
    ["a quote that never closes", 'File,caption\na.mp3,"bells\nb.mp3,x\n', /not a CSV table/],
  ])("that is %s is told apart", (_name, text, message) => {
    expect(parseFinderCsv(text)).toMatch(message);
  });
});
