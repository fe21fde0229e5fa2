import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { startAcewright } from "../acewright-process.js";
import { folderWithSongs, newFolder } from "./open.js";

test("the studio says where it is, answers there, and Ctrl-C closes it", { timeout: 30_000 }, async () => {
  const studio = startAcewright(["studio", folderWithSongs(), "--port", "0", "--json"]);
  await studio.saw("\n");
  const { url } = JSON.parse(studio.out()) as { url: string };
  const opened = await fetch(url, { redirect: "manual" });
  expect(opened.status).toBe(303);
  const cookie = (opened.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const workspace = await fetch(new URL("/api/workspace", url), { headers: { cookie } });
  expect(await workspace.json()).toMatchObject({ songFolders: [{ path: "songs", songs: 3 }] });
  studio.kill("SIGINT");
  expect((await studio.ended).code).toBe(130);
  await expect(fetch(url)).rejects.toThrow();
});

test("a port that is taken, one that is none, and a folder that is not there are refused in a line", async () => {
  const other = createServer();
  await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  const refusal = async (...words: string[]): Promise<string> => {
    const { code, err } = await startAcewright(["studio", ...words]).ended;
    expect(code).toBe(2);
    return err;
  };
  expect(await refusal(newFolder(), "--port", String(port))).toBe(
    `error: port ${port} is taken; name another with --port, or 0 for any\n`,
  );
  expect(await refusal(newFolder(), "--port", "70000")).toMatch(
    /^error: --port takes a number from 0 to 65535, got "70000"\n$/,
  );
  expect(await refusal("/none/such")).toBe("error: /none/such: does not exist\n");
});
