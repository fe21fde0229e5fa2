import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { listTorchFiles } from "../../src/import/list-files.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-list-"));
  for (const name of ["b.pt", "a.pt", "left.tmp.pt", "notes.txt"]) writeFileSync(join(folder, name), "");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});
const lay = (name: string, value: unknown): void => {
  writeFileSync(join(folder, name), JSON.stringify(value));
};

test("without a list every .pt counts, in order, but what was half written", () => {
  expect(listTorchFiles(folder)).toEqual({
    files: ["a.pt", "b.pt"],
    dataset: {},
    modelVariant: "",
    checksums: new Map(),
    warnings: [],
  });
});

test("the manifest's list is taken in its order, each file once however it is written", () => {
  lay("manifest.json", { samples: ["b.pt", "./b.pt", ".\\a.pt", "b.pt"] });
  expect(listTorchFiles(folder)).toMatchObject({ files: ["b.pt", "a.pt"], warnings: [] });
});

test("what is said of the set is kept, the manifest's word before Side-Step's; checksums are no part of it", () => {
  lay("preprocess_meta.json", {
    custom_tag: "x",
    model_variant: "turbo",
    checksums: { "a.pt": "AB", "b.pt": 3 },
  });
  lay("manifest.json", { metadata: { custom_tag: "y" } });
  expect(listTorchFiles(folder)).toMatchObject({
    dataset: { custom_tag: "y", model_variant: "turbo" },
    modelVariant: "turbo",
    checksums: new Map([["a.pt", "AB"]]),
  });
  expect(listTorchFiles(folder).dataset).not.toHaveProperty("checksums");
});

test.each<[string, () => void, RegExp]>([
  ["a list", () => { lay("manifest.json", ["b.pt"]); }, /not an object/], // prettier-ignore
  ["nothing", () => { lay("manifest.json", null); }, /not an object/], // prettier-ignore
  ["larger than any", () => { lay("manifest.json", {}); truncateSync(join(folder, "manifest.json"), 64_000_001); }, /larger than 64000000 bytes/], // prettier-ignore
])("a manifest that is %s is told and left out", (_what, write, says) => {
  write();
  const { files, warnings } = listTorchFiles(folder);
  expect(files).toEqual(["a.pt", "b.pt"]);
  expect(warnings).toEqual([expect.stringMatching(says)]);
});

test("a list that leads to no file here is told, and every .pt of the folder is taken", () => {
  lay("manifest.json", { samples: ["/another/machine/a.pt", "gone.pt"] });
  const { files, warnings } = listTorchFiles(folder);
  expect(files).toEqual(["a.pt", "b.pt"]);
  expect(warnings).toEqual([
    'manifest.json lists "/another/machine/a.pt", which is no .pt file of this folder; left out',
    "manifest.json lists gone.pt, which is not there; left out",
    "manifest.json lists no file that is here; every .pt file of the folder is taken",
  ]);
});

test("a folder without a .pt file, and what is no folder, are refused", () => {
  for (const name of ["a.pt", "b.pt"]) rmSync(join(folder, name));
  expect(() => listTorchFiles(folder)).toThrow(/holds no \.pt file$/);
  expect(() => listTorchFiles(join(folder, "notes.txt"))).toThrow(/notes\.txt: is not a folder/);
  expect(() => listTorchFiles(join(folder, "gone"))).toThrow(/gone: is not a folder/);
});
