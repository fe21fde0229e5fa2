// @vitest-environment happy-dom
import { h, render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Job, WorkspaceView } from "../../dist/studio/api.js";
import { App } from "../../dist/page/app.js";
import { chooseLanguage, languages, t, type Language } from "../../dist/page/words/words.js";
import { until } from "../until.js";

const workspace: WorkspaceView = {
  folder: "/music/project",
  version: "0",
  datasets: [{ path: "songs/dataset.json", name: "bells", songs: 3 }],
  tensors: [{ path: "tensors", songs: 3 }],
  models: [],
  songFolders: [],
  unreadable: ["broken.json: is not JSON"],
  runs: [
    {
      path: "runs/first",
      status: "running",
      adapter: "lokr",
      step: 5,
      steps: 10,
      stepsPerEpoch: 1,
      lastLoss: 0.5,
      best: undefined,
      checkpoints: [],
      final: false,
      startedAt: undefined,
      lastAt: undefined,
      tookS: 3,
    },
  ],
};
const job: Job = {
  id: "one",
  kind: "train",
  title: "train bells",
  line: "acewright train tensors",
  makes: "runs/next",
  status: "running",
  addedAt: "2026-01-01T00:00:00.000Z",
};

/** What the server answers, by path; a test may change it. */
let answers: Record<string, unknown> = {};
let asked: string[] = [];

beforeEach(() => {
  answers = { workspace, jobs: [job] };
  asked = [];
  vi.stubGlobal("fetch", (url: string, init?: RequestInit) => {
    const path = url.replace(/^\/api\//, "").split("?")[0] ?? "";
    asked.push(`${init?.method ?? "GET"} ${path}`);
    const answer = answers[path];
    return Promise.resolve(
      answer === undefined
        ? new Response(
            JSON.stringify({ error: { code: "ERR_FILE", message: `${path} is gone`, advice: "look" } }),
            {
              status: 400,
            },
          )
        : new Response(JSON.stringify(answer)),
    );
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

async function shown(hash: string): Promise<HTMLElement> {
  location.hash = hash;
  render(h(App, {}), place());
  await until(() => {
    expect(place().querySelector("[role=status]")).toBeNull();
  });
  return place();
}

test("the overview lists what lies in the folder, and says what could not be read", async () => {
  const page = await shown("#/");
  expect(page.querySelector("h1")?.textContent).toBe("project");
  const links = [...page.querySelectorAll("main a")].map((link) => [
    link.textContent,
    link.getAttribute("href"),
  ]);
  expect(links).toContainEqual(["bells", "#/dataset?path=songs%2Fdataset.json"]);
  expect(links).toContainEqual(["runs/first", "#/run?path=runs%2Ffirst"]);
  expect(links).toContainEqual(["Train on them", "#/train?tensors=tensors"]);
  expect(page.textContent).toContain("acewright models download");
  expect(page.textContent).toContain("5 / 10");
  expect(page.textContent).toContain("broken.json: is not JSON");
});

test("a refusal is shown with what mends it", async () => {
  answers = {};
  const page = await shown("#/");
  expect(page.querySelector("[role=alert]")?.textContent).toBe("workspace is gonelook");
});

test("a job is stopped by its button, and the list asked for again", async () => {
  answers["jobs/one/stop"] = job;
  answers["jobs"] = [job, { ...job, id: "two", kind: "unheard of", title: "another", makes: "x" }];
  const page = await shown("#/jobs");
  const links = [...page.querySelectorAll("main a")].map((link) => [
    link.textContent,
    link.getAttribute("href"),
  ]);
  expect(links).toEqual([["train bells", "#/run?path=runs%2Fnext"]]);
  expect(page.textContent).toContain("another");
  const button = [...page.querySelectorAll("button")].find(({ textContent }) => textContent === "Stop");
  button?.click();
  await until(() => {
    expect(asked.filter((one) => one === "GET jobs").length).toBeGreaterThan(1);
  });
  expect(asked).toContain("POST jobs/one/stop");
});

test("a room that is not there says so, and the way back stays", async () => {
  const page = await shown("#/nowhere");
  expect(page.textContent).toContain("There is no such page.");
  expect(page.querySelector("nav a")?.getAttribute("href")).toBe("#/");
});

test("the theme is one's own choice, and remembered", async () => {
  const page = await shown("#/");
  const [theme] = page.querySelectorAll("select");
  if (theme === undefined) throw new Error("no choice of theme");
  theme.value = "dark";
  theme.dispatchEvent(new Event("change"));
  expect(document.documentElement.dataset["theme"]).toBe("dark");
  expect(localStorage.getItem("acewright-theme")).toBe("dark");
});

test("a run that waits for its turn says so, and one that was refused says why", async () => {
  answers["jobs"] = [{ ...job, makes: "runs/next", status: "waiting" }];
  const page = await shown("#/run?path=runs/next");
  await until(() => {
    expect(page.textContent).toContain("It begins when the jobs before it are done.");
  });
  answers["jobs"] = [{ ...job, makes: "runs/bad", status: "failed", error: "rank: too large" }];
  await shown("#/run?path=runs/bad");
  await until(() => {
    expect(page.querySelector("[role=alert]")?.textContent).toBe("rank: too large");
  });
});

test("the page changes its language by whole phrases, and back", async () => {
  const translated: string[] = [];
  for (const language of [...(Object.keys(languages) as Language[]), "en" as const]) {
    await chooseLanguage(language);
    expect(document.documentElement.lang).toBe(language);
    expect(localStorage.getItem("acewright-language")).toBe(language);
    if (t("Overview") !== "Overview") translated.push(language);
  }
  expect(translated).toEqual(Object.keys(languages).filter((language) => language !== "en"));
});
