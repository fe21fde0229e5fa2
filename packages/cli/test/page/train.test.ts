// @vitest-environment happy-dom
import { h, render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
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

let answers: Record<string, unknown> = {};
let sent: { path: string; body: Record<string, unknown> }[] = [];

beforeEach(() => {
  leaveDraft({ tensors: "", run: "" }, beginDraft({ run: "none" }));
  sent = [];
  answers = {
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
  };
  vi.stubGlobal("fetch", (url: string, init?: RequestInit) => {
    const path = url.replace(/^\/api\//, "").split("?")[0] ?? "";
    if (init?.method === "POST")
      sent.push({ path, body: JSON.parse(init.body as string) as Record<string, unknown> });
    const answer = answers[path];
    const text = JSON.stringify(answer ?? { error: { code: "X", message: `no ${path}`, advice: "" } });
    return Promise.resolve(new Response(text, { status: answer === undefined ? 400 : 200 }));
  });
  document.body.innerHTML = "<div id=studio></div>";
});
afterEach(() => {
  render(null, place());
  vi.unstubAllGlobals();
});

function place(): HTMLElement {
  const found = document.getElementById("studio");
  if (found === null) throw new Error("no place");
  return found;
}

async function open(words: Record<string, string>): Promise<HTMLElement> {
  render(h(Train, { words }), place());
  await shows("fits|does not fit");
  return place();
}
const shows = async (words: string): Promise<void> => {
  await vi.waitFor(() => {
    expect(place().textContent).toMatch(new RegExp(words));
  }, 5000);
};
function input(id: string): HTMLInputElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no ${id}`);
  return found as HTMLInputElement;
}
function type(id: string, text: string): void {
  input(id).value = text;
  input(id).dispatchEvent(new Event("input", { bubbles: true }));
}
function button(words: string): HTMLButtonElement {
  const found = [...place().querySelectorAll("button")].find(({ textContent }) => textContent === words);
  if (found === undefined) throw new Error(`no button ${words}`);
  return found;
}
const last = (path: string) => sent.filter((one) => one.path === path).at(-1)?.body;

test("what lies there is chosen, planned, and refused where memory lacks; a cure is taken by its button", async () => {
  const page = await open({ tensors: "tensors" });
  expect(last("train/plan")).toMatchObject({ tensors: "tensors", model: "checkpoints/toy", settings: {} });
  expect(page.textContent).toContain("No GPU is used, training runs on the CPU: no driver");
  expect(page.textContent).toContain("snrGamma 5 does nothing here");
  expect(button("Begin the training").disabled).toBe(true);
  button("Take rank 16 (1.0 GiB)").click();
  await vi.waitFor(() => {
    expect(last("train/plan")?.["settings"]).toEqual({ "adapter.rank": "16" });
  }, 5000);
  expect(input("field-adapter.rank").value).toBe("16");
});

test("fields are those of the kind; a change is marked and set back", async () => {
  const page = await open({ tensors: "tensors" });
  expect(document.getElementById("field-adapter.factor")).toBeNull();
  const lokr = page.querySelector<HTMLInputElement>("input[value=lokr]");
  lokr?.click();
  await vi.waitFor(() => {
    expect(document.getElementById("field-adapter.factor")).not.toBeNull();
  });
  expect(document.getElementById("field-adapter.dropout")).toBeNull();
  type("field-adapter.factor", "4");
  await shows("1 changed");
  button("back to -1").click();
  await vi.waitFor(() => {
    expect(input("field-adapter.factor").value).toBe("-1");
  });
});

test("what the server refuses stands at its field, and nothing is planned with it", async () => {
  await open({ tensors: "tensors" });
  const planned = sent.filter(({ path }) => path === "train/plan").length;
  answers["train/check"] = {
    problems: [{ path: "adapter.rank", text: "adapter.rank: expected a whole number" }],
    line: "",
  };
  type("field-adapter.rank", "0");
  await shows("adapter.rank: expected a whole number");
  expect(input("field-adapter.rank").getAttribute("aria-invalid")).toBe("true");
  expect(document.getElementById("field-adapter.rank-problem")?.getAttribute("role")).toBe("alert");
  await shows("Correct the settings that are marked.");
  await new Promise((later) => setTimeout(later, 700));
  expect(sent.filter(({ path }) => path === "train/plan")).toHaveLength(planned);
});

test("a preset is where its settings begin; what is typed stays when the list is asked for again", async () => {
  await open({ tensors: "tensors" });
  type("train-output", "runs/mine");
  const begin = input("train-beginning");
  begin.value = "preset:soft";
  begin.dispatchEvent(new Event("change", { bubbles: true }));
  await vi.waitFor(() => {
    expect(input("field-adapter.rank").value).toBe("32");
  });
  await shows("gentle");
  expect(input("train-output").value).toBe("runs/mine");
  await vi.waitFor(() => {
    expect(last("train/check")).toMatchObject({ preset: "soft", output: "runs/mine" });
  }, 5000);
});

test("a training that fits is begun, and leads to its run; one that waits says what for", async () => {
  answers["train/plan"] = {
    ...plan,
    plan: { ...plan.plan, recompute: { ...plan.plan.recompute, verdict: "green" } },
  };
  answers["train/start"] = { job: { id: "1" }, run: "runs/tensors", waitsFor: "train x" };
  await open({ tensors: "tensors" });
  await vi.waitFor(() => {
    expect(button("Begin the training").disabled).toBe(false);
  }, 5000);
  button("Begin the training").click();
  await shows("runs/tensors waits until another job is done: train x.");
  expect(last("train/start")).toMatchObject({ output: "runs/tensors", allowTooLarge: false });
  answers["train/start"] = { job: { id: "1" }, run: "runs/tensors" };
  button("Begin the training").click();
  await vi.waitFor(() => {
    expect(location.hash).toBe("#/run?path=runs%2Ftensors");
  });
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
