import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { main } from "../../src/main.js";
import { settingsPath } from "../../src/settings/file.js";
import { settingKeys } from "../../src/settings/schema.js";
import { recordingTerminal } from "../recording-terminal.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-settings-"));
  for (const name of ["XDG_CONFIG_HOME", "APPDATA", "HOME"]) vi.stubEnv(name, join(folder, "user"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

async function acewright(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const terminal = recordingTerminal({ columns: 200 });
  const never = new AbortController().signal;
  const code = await main(args, { terminal, signal: never, stopNow: never });
  return { code, ...terminal.written };
}

async function json(...args: string[]): Promise<unknown> {
  const { code, out, err } = await acewright(...args, "--json");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out);
}

function stored(): unknown {
  return JSON.parse(readFileSync(settingsPath(), "utf8"));
}

function store(text: string): void {
  mkdirSync(dirname(settingsPath()), { recursive: true });
  writeFileSync(settingsPath(), text);
}

test("what is set is stored with a version, shown with its origin, and forgotten", async () => {
  expect(await json("settings", "set", "threads", "3")).toMatchObject({ key: "threads", value: 3 });
  expect(await json("settings", "set", "notify", "desktop,bell")).toMatchObject({
    value: ["desktop", "bell"],
  });
  expect(await json("settings", "set", "plain", "true")).toMatchObject({ value: true });
  expect(await json("settings", "set", "models", "there")).toMatchObject({ value: resolve("there") });
  expect(stored()).toEqual({
    version: 1,
    threads: 3,
    notify: ["desktop", "bell"],
    plain: true,
    models: resolve("there"),
  });
  expect(readdirSync(dirname(settingsPath()))).toEqual(["settings.json"]);
  expect((await acewright("settings", "get", "threads")).out).toBe("3\n");
  expect((await acewright("settings", "path")).out).toBe(`${settingsPath()}\n`);

  expect(await json("settings", "clear", "threads", "plain")).toMatchObject({
    cleared: ["threads", "plain"],
  });
  expect(stored()).toEqual({ version: 1, notify: ["desktop", "bell"], models: resolve("there") });
  expect(await json("settings", "clear")).toMatchObject({ cleared: "all" });
  expect(existsSync(settingsPath())).toBe(false);
});

test("the environment wins over the file, the file over the default, and show says which", async () => {
  await json("settings", "set", "threads", "3");
  const origins = async () => {
    const shown = (await json("settings", "show")) as {
      settings: { key: string; value: unknown; from: string }[];
    };
    expect(shown.settings.map(({ key }) => key)).toEqual(settingKeys);
    return Object.fromEntries(shown.settings.map(({ key, value, from }) => [key, [value, from]]));
  };
  expect(await origins()).toMatchObject({
    threads: [3, "settings"],
    models: ["checkpoints", "default"],
    plain: [false, "default"],
    runs: [undefined, "unset"],
  });
  vi.stubEnv("ACEWRIGHT_THREADS", "5");
  vi.stubEnv("HF_ENDPOINT", "http://mirror.example");
  expect(await origins()).toMatchObject({
    threads: [5, "environment"],
    endpoint: ["http://mirror.example", "environment"],
  });
  const { out } = await acewright("settings", "show");
  expect(out).toMatch(/^threads +5 +ACEWRIGHT_THREADS /m);
  expect((await acewright("settings", "set", "threads", "4")).err).toContain(
    "ACEWRIGHT_THREADS is set and wins",
  );
});

test.each([
  ["hf_token", "x", "HF_TOKEN"],
  ["HF-Token", "x", "HF_TOKEN"],
  ["gemini_api_key", "s3cret-value", "GEMINI_API_KEY"],
  ["openaiKey", "s3cret-value", "OPENAI_API_KEY"],
  ["webhook", "https://example.org/s3cret-value", "ACEWRIGHT_NOTIFY_URL"],
  [
    "api_key",
    "s3cret-value",
    "HF_TOKEN, OPENAI_API_KEY, ELEVENLABS_API_KEY, GEMINI_API_KEY, GENIUS_API_TOKEN",
  ],
  ["models", "hf_s3cretvalue", "HF_TOKEN"],
  ["models", "sk-proj-s3cret-value", "OPENAI_API_KEY"],
  ["endpoint", "https://me:s3cret-value@mirror.example", "one of HF_TOKEN"],
])("a key is never stored: settings set %s %s names %s", async (key, value, variable) => {
  const { code, out, err } = await acewright("settings", "set", key, value);
  expect(code).toBe(2);
  expect(out).toBe("");
  expect(err).toContain(`${key}: looks like a key, and keys are never stored`);
  expect(err).toContain(variable);
  expect(err).not.toContain("s3cret");
  expect(existsSync(settingsPath())).toBe(false);
});

test.each([
  [["threads", "many"], /threads: expected a whole number from 1 to 256, got "many"/],
  [["threads", "0"], /threads: expected a whole number from 1 to 256, got "0"/],
  [["notify", "desktop,pigeon"], /notify: expected a list, each entry one of bell, desktop, webhook/],
  [["endpoint", "mirror.example"], /endpoint expected an http or https address/],
  [["models", ""], /models/],
  [["modls", "x"], /modls: is no setting, did you mean models\?/],
])("settings set %s is refused in one line", async ([key = "", value = ""], message) => {
  const { code, err } = await acewright("settings", "set", key, value);
  expect(code).toBe(2);
  expect(err).toMatch(message);
  expect(err.trimEnd()).not.toContain("\n");
  expect(existsSync(settingsPath())).toBe(false);
});

test.each<[string, RegExp, string[]]>([
  ["{", /settings\.json: is not JSON.*`acewright settings clear`/, ["settings", "clear"]],
  ["[]", /settings\.json: expected an object of settings.*`acewright settings clear`/, ["settings", "clear"]],
  [
    '{"version":2}',
    /written by a newer acewright \(version 2.*`acewright settings clear`/,
    ["settings", "clear"],
  ],
  ['{"threads":2}', /version is missing.*`acewright settings clear` mends it/, ["settings", "clear"]],
  [
    '{"version":1,"threads":-1,"plain":true}',
    /settings\.json: threads: .*got -1; `acewright settings clear threads` mends it/,
    ["settings", "clear", "threads"],
  ],
  [
    '{"version":1,"thread":2,"plain":true}',
    /unknown key thread, did you mean threads\?; `acewright settings clear thread` mends it/,
    ["settings", "clear", "thread"],
  ],
  ['{"version":1,"threads":"x"}', /threads: /, ["settings", "set", "threads", "2"]],
])("a broken file %s is told by any command with the cure, which works", async (text, message, cure) => {
  store(text);
  for (const line of [
    ["presets", "list"],
    ["settings", "show"],
  ]) {
    const { code, err } = await acewright(...line);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(err.trimEnd()).not.toContain("\n");
  }
  expect((await acewright("completion", "bash")).code).toBe(0);
  expect((await acewright(...cure)).code).toBe(0);
  expect((await acewright("presets", "list")).code).toBe(0);
  if (text.includes('"plain":true')) expect(stored()).toEqual({ version: 1, plain: true });
});

test("a variable with a wrong value is named", async () => {
  vi.stubEnv("ACEWRIGHT_THREADS", "lots");
  const { code, err } = await acewright("presets", "list");
  expect(code).toBe(2);
  expect(err).toMatch(/ACEWRIGHT_THREADS: expected a whole number from 1 to 256, got "lots"/);
});

test("the schema of the file is printed for an editor", async () => {
  const schema = (await json("config", "schema", "settings")) as { properties: object; required: string[] };
  expect(Object.keys(schema.properties).sort()).toEqual([...settingKeys, "version"].sort());
  expect(schema.required).toEqual(["version"]);
});

test("a folder that is not there is stored and remarked upon, a file or what lies below one is refused", async () => {
  const nowhere = join(folder, "no", "such");
  const models = await acewright("settings", "set", "models", nowhere);
  expect(models).toMatchObject({ code: 0, out: `models: ${nowhere}\n` });
  expect(models.err).toBe(`warning: ${nowhere} does not exist yet; \`acewright models download\` makes it\n`);
  expect((await acewright("settings", "set", "runs", nowhere)).err).toContain("`acewright train` makes it");
  expect((await acewright("settings", "set", "runs", folder)).err).toBe("");
  const file = join(folder, "file");
  writeFileSync(file, "");
  for (const path of [file, join(file, "below")]) {
    const refused = await acewright("settings", "set", "models", path);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("is a file");
  }
  expect(stored()).toEqual({ version: 1, models: nowhere, runs: folder });
});
