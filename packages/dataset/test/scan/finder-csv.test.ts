import { describe, expect, it } from "vitest";
import { parseFinderCsv } from "../../src/scan/finder-csv.js";

const row = { file: "a.mp3", caption: "bells, slow", bpm: "125.3", key: "E minor" };

/** The rows without their lines. */
function rowsOf(text: string) {
  const parsed = parseFinderCsv(text);
  if (typeof parsed === "string") throw new Error(parsed);
  return parsed.rows.map(({ file, caption, bpm, key }) => ({ file, caption, bpm, key }));
}

describe("a Key-BPM-Finder table", () => {
  it.each([
    ["commas", 'File,Artist,BPM,Key,Camelot,caption\na.mp3,x,125.3,E minor,9A,"bells, slow"\n'],
    ["semicolons", "file;bpm;key;Caption\n\na.mp3;125.3;E minor;bells, slow\n"],
    ["decimal commas", 'file;bpm;key;Caption\na.mp3;"125,3";E minor;bells, slow\n'],
    ["tabs", " FILE \tBPM\tKey\tcaption\na.mp3\t125.3\tE minor\tbells, slow"],
    ["bars", "File|BPM|Key|caption\na.mp3|125.3|E minor|bells, slow"],
    ["a byte-order mark", "\ufeffFile;BPM;Key;caption\na.mp3;125.3;E minor;bells, slow"],
    ["the separator in its first line", "sep=;\nFile;BPM;Key;caption\na.mp3;125.3;E minor;bells, slow"],
    ["a title above", 'My songs\nFile,BPM,Key,caption\na.mp3,125.3,E minor,"bells, slow"'],
    [
      "its columns in another order",
      '"caption","key","bpm","file"\n"bells, slow","E minor","125.3","a.mp3"\n',
    ],
    ["other titles", 'Filename,Tempo,KeyScale,caption\na.mp3,125.3 BPM,Em,"bells, slow"'],
    ["the key on the Camelot wheel only", 'File,BPM,Camelot,caption\na.mp3,125.3,9A,"bells, slow"'],
    [
      "quoted headers with other separators in them",
      '"File","BPM;x","Key;y;z","caption","bpm","key"\na.mp3,0,0,"bells, slow",125.3,E minor\n',
    ],
    ["empty lines", 'File,BPM,Key,caption\n\n\na.mp3,125.3,E minor,"bells, slow"\n\n'],
  ])("with %s is read", (_name, text) => {
    expect(rowsOf(text)).toEqual([row]);
  });

  it("keeps quotes and line ends inside of cells", () => {
    const text = 'File,caption\n"a ""live"".mp3","one\ntwo"\n';
    expect(rowsOf(text)).toEqual([{ file: 'a "live".mp3', caption: "one\ntwo", bpm: "", key: "" }]);
  });

  it("leaves out what it does not have, and rows without a file", () => {
    expect(rowsOf("File\na.mp3\nb.mp3,too,many\n,\n")).toEqual([
      { file: "a.mp3", caption: "", bpm: "", key: "" },
      { file: "b.mp3", caption: "", bpm: "", key: "" },
    ]);
  });

  it("takes the key itself before the one on the Camelot wheel, where the two differ", () => {
    expect(rowsOf("File,Key,Camelot\na.mp3,C major,9A\n")).toMatchObject([{ key: "C major" }]);
    expect(rowsOf("File,Key,Camelot\na.mp3,,9A\n")).toMatchObject([{ key: "E minor" }]);
  });

  it("has its header in one of the first five lines, not further down among other cells", () => {
    const titles = (count: number): string => `${"title\n".repeat(count)}File\na.mp3\n`;
    expect(rowsOf(titles(4))).toHaveLength(1);
    expect(parseFinderCsv(titles(5))).toBe('has no column named "File"');
  });

  it("says in which line a tempo is no number", () => {
    expect(parseFinderCsv("sep=,\nFile,BPM\na.mp3,120\nb.mp3,fast\n")).toMatchObject({
      rows: [
        { bpm: "120", line: 3 },
        { bpm: "", line: 4 },
      ],
      warnings: ['line 4: bpm "fast" of b.mp3 is no number and not read; correct it or leave it empty'],
    });
  });

  it.each([
    ["another table", "Name,Price\nx,1\n", /no column named "File"/],
    ["nothing", "", /no column named "File"/],
    [
      "a quote that never closes",
      'File,caption\na.mp3,"bells\nb.mp3,x\n',
      /not a CSV table.*line \d.*export it again/,
    ],
  ])("that is %s is told apart", (_name, text, message) => {
    expect(parseFinderCsv(text)).toMatch(message);
  });
});
