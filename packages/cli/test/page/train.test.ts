// @vitest-environment happy-dom
import { h, render } from "preact";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FieldFacts, FormField } from "../../dist/studio/form-api.js";
import type { TrainForm } from "../../dist/studio/train-api.js";
import {
  beginDraft,
  beginningKey,
  beginningOf,
  leaveDraft,
  startedDraft,
} from "../../dist/page/train/draft.js";
import { barShare, memoryParts } from "../../dist/page/train/memory-bar.js";
import { Train } from "../../dist/page/train/train.js";
import { button, choose, fakeServer, input, place, shows, type, type FakeServer } from "./server.js";
import { until } from "../until.js";

const number = (fallback: string): FieldFacts => ({
  help: "what it is for",
  control: "number",
  choices: [],
  expects: "a number",
  fallback,
});
const kinds: FieldFacts = { ...number("lora"), control: "choice", choices: ["lora", "lokr"] };
const fields: FormField[] = [
  { path: "adapter.kind", label: "adapter", facts: { "": kinds } },
  {
    path: "adapter.rank",
    label: "rank",
    kindPath: "adapter.kind",
    facts: { lora: number("64"), lokr: number("64") },
  },
  { path: "adapter.dropout", label: "dropout", kindPath: "adapter.kind", facts: { lora: number("0.1") } },
  { path: "adapter.factor", label: "factor", kindPath: "adapter.kind", facts: { lokr: number("-1") } },
];
const form: TrainForm = {
  groups: [
    {
      name: "adapter",
      title: "Adapter",
      basic: ["adapter.kind", "adapter.rank"],
      fields,
    },
  ],
  presets: [{ name: "soft", description: "gentle", own: true }],
  unreadable: [],
};
const gib = 2 ** 30;
const memory = {
  weightBytes: 4 * gib,
  arenaBytes: 6 * gib,
  adapterBytes: gib,
  gradientBytes: gib,
  optimizerBytes: 0,
  datasetBytes: 0,
  scratchBytes: 0,
  totalBytes: 12 * gib,
  flopsPerMicroBatch: 1,
};
const plan = {
  plan: {
    trainingSongs: 3,
    validationSongs: 0,
    steps: 100,
    stepsPerEpoch: 1,
    epochs: 100,
    batchesPerEpoch: 3,
    config: { adapter: { kind: "lora" }, learningRate: 1e-4, recompute: "block" },
    device: {
      name: "cuda:0",
      description: "a card",
      instructionSet: "sm_80",
      memoryBytes: 8 * gib,
      freeBytes: 7 * gib,
    },
    memory,
    recompute: { policy: "block", fits: false, verdict: "red", cures: [], reason: "training needs 12 GiB" },
    flops: 1e12,
    audioS: 30,
    checkpointBytes: 1,
    warnings: ["snrGamma 5 does nothing here"],
  },
  parameters: 1234,
  ranks: "rank 64",
  cures: [{ words: "rank 16", totalBytes: gib, settings: { "adapter.rank": "16" } }],
  resolved: {},
  busy: false,
};

let server: FakeServer;

beforeEach(() => {
  leaveDraft({ tensors: "", run: "" }, beginDraft({ run: "none" }));
  server = fakeServer({
    workspace: {
      folder: "/w",
      version: "0",
      datasets: [],
      tensors: [{ path: "tensors", songs: 3 }],
      models: [{ path: "checkpoints/toy", variant: "turbo" }],
      runs: [],
      songFolders: [],
      unreadable: [],
    },
    "train/form": form,
    "train/name": { output: "runs/tensors" },
    "train/device": {
      name: "cpu",
      description: "a CPU",
      instructionSet: "avx2",
      memoryBytes: gib,
      freeBytes: gib,
      whyNoGpu: "no driver",
    },
    "train/check": { problems: [], line: "acewright train tensors" },
    "train/plan": plan,
    "train/basis": { settings: { "adapter.rank": "32" } },
  });
  document.body.innerHTML = "<div id=studio></div>";
});
afterEach(() => {
  // The server stays: what was asked last may still be under way.
  render(null, place());
});

async function open(words: Record<string, string>): Promise<HTMLElement> {
  render(h(Train, { words }), place());
  await shows("fits|does not fit");
  return place();
}
test("what lies there is chosen, planned, and refused where memory lacks; a cure is taken by its button", async () => {
  const page = await open({ tensors: "tensors" });
  expect(server.last("train/plan")).toMatchObject({
    tensors: "tensors",
    model: "checkpoints/toy",
    settings: {},
  });
  expect(page.textContent).toContain("No GPU is used, training runs on the CPU: no driver");
  expect(page.textContent).toContain("snrGamma 5 does nothing here");
  expect(button("Begin the training").disabled).toBe(true);
  button("Take rank 16 (1.0 GiB)").click();
  await until(() => {
    expect(server.last("train/plan")?.["settings"]).toEqual({ "adapter.rank": "16" });
  }, 5000);
  expect(input("field-adapter.rank").value).toBe("16");
});

test("fields are those of the kind; a change is marked and set back", async () => {
  const page = await open({ tensors: "tensors" });
  expect(document.getElementById("field-adapter.factor")).toBeNull();
  const lokr = page.querySelector<HTMLInputElement>("input[value=lokr]");
  lokr?.click();
  await until(() => {
    expect(document.getElementById("field-adapter.factor")).not.toBeNull();
  });
  expect(document.getElementById("field-adapter.dropout")).toBeNull();
  type("field-adapter.factor", "4");
  await shows("1 changed");
  button("back to -1").click();
  await until(() => {
    expect(input("field-adapter.factor").value).toBe("-1");
  });
});

test("what the server refuses stands at its field, and nothing is planned with it", async () => {
  await open({ tensors: "tensors" });
  const planned = server.sent.filter(({ path }) => path === "train/plan").length;
  server.answers["train/check"] = {
    problems: [{ path: "adapter.rank", text: "adapter.rank: expected a whole number" }],
    line: "",
  };
  type("field-adapter.rank", "0");
  await shows("adapter.rank: expected a whole number");
  expect(input("field-adapter.rank").getAttribute("aria-invalid")).toBe("true");
  expect(document.getElementById("field-adapter.rank-problem")?.getAttribute("role")).toBe("alert");
  await shows("Correct the settings that are marked.");
  await new Promise((later) => setTimeout(later, 700));
  expect(server.sent.filter(({ path }) => path === "train/plan")).toHaveLength(planned);
});

test("a preset is where its settings begin; what is typed stays when the list is asked for again", async () => {
  await open({ tensors: "tensors" });
  type("train-output", "runs/mine");
  choose(input("train-beginning"), "preset:soft");
  await until(() => {
    expect(input("field-adapter.rank").value).toBe("32");
  });
  await shows("gentle");
  expect(input("train-output").value).toBe("runs/mine");
  await until(() => {
    expect(server.last("train/check")).toMatchObject({ preset: "soft", output: "runs/mine" });
  }, 5000);
});

test("a training that fits is begun, and leads to its run", async () => {
  server.answers["train/plan"] = {
    ...plan,
    plan: { ...plan.plan, recompute: { ...plan.plan.recompute, verdict: "green" } },
  };
  server.answers["train/start"] = { job: { id: "1" }, run: "runs/tensors" };
  await open({ tensors: "tensors" });
  await until(() => {
    expect(button("Begin the training").disabled).toBe(false);
  }, 5000);
  button("Begin the training").click();
  await until(() => {
    expect(location.hash).toBe("#/run?path=runs%2Ftensors");
  });
  expect(server.last("train/start")).toMatchObject({ output: "runs/tensors", allowTooLarge: false });
});

test("who looks at something else finds the draft again; another address begins anew", () => {
  const draft = { ...beginDraft({ tensors: "a" }), output: "mine" };
  leaveDraft({ tensors: "a" }, draft);
  expect(beginDraft({})).toBe(draft);
  expect(beginDraft({ tensors: "a" })).toBe(draft);
  expect(beginDraft({ tensors: "b" })).toMatchObject({ tensors: "b", output: "" });
  expect(beginDraft({ run: "runs/x" }).beginning).toEqual({ from: "run", path: "runs/x" });
  expect(startedDraft({ ...draft, isOutputOwn: true })).toMatchObject({
    tensors: "a",
    output: "",
    isOutputOwn: false,
  });
});

test("a beginning is told apart whatever it is called", () => {
  for (const beginning of [
    { from: "defaults" },
    { from: "auto" },
    { from: "preset", name: "auto" },
    { from: "preset", name: "run:x" },
    { from: "run", path: "preset:a\nb" },
  ] as const)
    expect(beginningOf(beginningKey(beginning))).toEqual(beginning);
});

test("the bar is as long as the device's memory, or as what is needed", () => {
  expect(memoryParts(memory).map(({ bytes }) => bytes / gib)).toEqual([4, 6, 2]);
  expect(barShare(4, 8, 16)).toBe(25);
  expect(barShare(4, 16, 8)).toBe(25);
  expect(barShare(0, 0, 0)).toBe(0);
});
