// @vitest-environment happy-dom
import { h, render } from "preact";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FieldFacts } from "../../dist/studio/form-api.js";
import type { ExportFormat, SongsForm } from "../../dist/studio/songs-api.js";
import { Export, formatsFor, isForeign } from "../../dist/page/export/export.js";
import { beginSong, isSeveral, leaveSong, ofRun, songChoices } from "../../dist/page/generate/draft.js";
import { Generate } from "../../dist/page/generate/generate.js";
import { button, choose, fakeServer, input, place, shows, type, type FakeServer } from "./server.js";
import { until } from "../until.js";

const text = (fallback: string): FieldFacts => ({
  help: "",
  control: "text",
  choices: [],
  expects: "",
  fallback,
});
const form: SongsForm = {
  groups: [
    {
      name: "song",
      title: "Other settings",
      basic: ["caption", "seed"],
      fields: [
        { path: "caption", label: "caption", facts: { "": text("") } },
        { path: "seed", label: "seed", facts: { "": text("42") } },
        { path: "bpm", label: "bpm", facts: { "": text("") } },
      ],
    },
  ],
  adapters: [
    { path: "runs/a", run: "runs/a", which: "final" },
    { path: "runs/a/best", run: "runs/a", which: "best", step: 3 },
  ],
};
const run = {
  path: "runs/a",
  status: "finished",
  adapter: "lokr",
  step: 4,
  checkpoints: [2],
  final: true,
  best: { step: 3, loss: 1 },
  tookS: 1,
};
const formats: ExportFormat[] = [
  { name: "peft", about: "a folder", takes: ["lora"], ending: "" },
  { name: "lycoris", about: "a file", takes: ["lycoris"], ending: ".safetensors" },
  { name: "comfyui", about: "a file", takes: ["lora", "lycoris"], ending: ".safetensors" },
];
let server: FakeServer;

beforeEach(() => {
  leaveSong("another run", {
    model: "",
    adapters: [],
    output: "",
    isOutputOwn: false,
    form: { settings: {}, basis: {} },
  });
  server = fakeServer({
    workspace: {
      folder: "/w",
      version: "0",
      datasets: [],
      tensors: [],
      models: [{ path: "checkpoints/toy", variant: "turbo" }],
      runs: [run],
      songFolders: [],
      unreadable: [],
    },
    jobs: [],
    "generate/form": form,
    "generate/basis": { model: "checkpoints/mine", adapter: "runs/a", trigger: "bells" },
    "generate/name": { output: "generated/song.wav" },
    "generate/check": { problems: [], line: "acewright generate" },
    "generate/start": { id: "1" },
    "generate/songs": [
      { path: "generated/one.wav", madeAt: "2026-01-01T00:00:00.000Z", about: "song: bells" },
      { path: "generated/two.wav", madeAt: "2026-01-01T00:00:00.000Z" },
    ],
    "export/formats": formats,
    "export/name": { output: "exports/a" },
    "export/start": { id: "2" },
  });
  document.body.innerHTML = "<div id=studio></div>";
});
afterEach(() => {
  // The server stays: what was asked last may still be under way.
  render(null, place());
});

test("a run's adapter, model and trigger are there, and the song is sent as it is filled in", async () => {
  render(h(Generate, { words: { run: "runs/a" } }), place());
  await shows("acewright generate");
  expect(input("field-caption").value).toBe("bells, ");
  expect(input("song-model").value).toBe("checkpoints/mine");
  type("field-caption", "bells, slow");
  choose(place().querySelector(".kinds select"), "runs/a/best");
  await until(() => {
    expect(server.last("generate/check")).toEqual({
      model: "checkpoints/mine",
      adapters: [
        { path: "runs/a", scale: "1" },
        { path: "runs/a/best", scale: "1" },
      ],
      output: "generated/song.wav",
      settings: { caption: "bells, slow" },
    });
    expect(button("Make it").disabled).toBe(false);
  }, 5000);
  server.answers["generate/name"] = { output: "generated/song-2.wav" };
  button("Make it").click();
  await until(() => {
    expect(input("song-output").value).toBe("generated/song-2.wav");
  });
  expect(server.last("generate/start")).toMatchObject({ output: "generated/song.wav" });
  expect(input("field-caption").value).toBe("bells, slow");
});

test("a caption that was not begun is missing, not wrong; a strength that is none is told at its row", async () => {
  server.answers["generate/check"] = {
    problems: [
      { path: "caption", text: "caption is missing" },
      { path: "adapters.0", text: "scale: expected a number" },
    ],
    line: "",
  };
  server.answers["generate/basis"] = { model: "m", adapter: "runs/a", trigger: "" };
  render(h(Generate, { words: { run: "runs/a" } }), place());
  await shows("scale: expected a number");
  expect(place().textContent).not.toContain("caption is missing");
  expect(place().textContent).toContain("Say in the caption what to play.");
  expect(button("Make it").disabled).toBe(true);
  button("Leave out").click();
  await shows("None: the model plays as it is.");
});

test("two of the songs are heard against each other", async () => {
  render(h(Generate, { words: {} }), place());
  await shows("generated/two.wav");
  expect(place().querySelector(".listening")).toBeNull();
  const [one, two] = place().querySelectorAll(".song");
  one?.querySelectorAll("button")[0]?.click();
  await shows("Choose a song for the other side");
  two?.querySelectorAll("button")[1]?.click();
  await shows("A: generated/one.wav");
  const sources = [...place().querySelectorAll<HTMLAudioElement>(".listening audio")].map(({ src }) => src);
  expect(sources.map((source) => decodeURIComponent(source))).toEqual([
    expect.stringContaining("/api/runs/audio?path=generated/one.wav"),
    expect.stringContaining("/api/runs/audio?path=generated/two.wav"),
  ]);
});

test("a layout without names for a kind asks for the nearest LoRA's rank", async () => {
  render(h(Export, { words: { run: "runs/a" } }), place());
  await shows("An adapter for another program");
  expect(document.getElementById("export-rank")).toBeNull();
  choose(input("export-format"), "peft");
  await until(() => {
    expect(document.getElementById("export-rank")).not.toBeNull();
    expect(input("export-output").value).toBe("exports/a");
  });
  choose(input("export-which"), "2");
  type("export-rank", "16");
  // As long as the page takes to hear of it.
  await new Promise((later) => setTimeout(later, 50));
  button("Export").click();
  await until(() => {
    expect(server.last("export/start")).toEqual({
      run: "runs/a",
      which: "2",
      format: "peft",
      output: "exports/a",
      asLora: "16",
    });
  });
});

test("layouts with names for a kind stand first; LyCORIS' has none for a LoRA", () => {
  expect(formatsFor(formats, "lokr").map(({ name }) => name)).toEqual(["lycoris", "comfyui", "peft"]);
  expect(formatsFor(formats, "dora").map(({ name }) => name)).toEqual(["peft", "comfyui"]);
  expect(formats.map((format) => isForeign(format, "loha"))).toEqual([true, false, false]);
});

test("what was typed of a song stays for another run; seeds with commas are several", () => {
  const { draft } = beginSong("");
  const typed = { ...draft, form: { basis: {}, settings: { caption: "mine", seed: "1, 2" } } };
  leaveSong("runs/a", typed);
  expect(beginSong("runs/a")).toEqual({ draft: typed, isNew: false });
  const other = beginSong("runs/b");
  expect(other).toMatchObject({ isNew: true, draft: { form: { settings: { caption: "mine" } } } });
  expect(ofRun(other.draft, { trigger: "bells" })).toMatchObject({ form: { settings: { caption: "mine" } } });
  expect(isSeveral(typed)).toBe(true);
  expect(isSeveral({ ...typed, form: { basis: {}, settings: { seed: "1," } } })).toBe(false);
  const blank = { ...typed, adapters: [{ path: " ", scale: "1" }] };
  expect(songChoices(blank).adapters).toEqual([]);
});
