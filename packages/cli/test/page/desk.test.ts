import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { DatasetView, SongView } from "../../dist/studio/dataset-api.js";
import { Desk } from "../../dist/page/dataset/desk.js";

/** A server of one dataset with two songs, whose captions can be edited by the page and by somebody else. */
class Server {
  captions = ["one", "two"];
  revision = 1;
  refuses: string | undefined;
  sent: unknown[] = [];
  writtenBy: unknown = undefined;
  /** Happens between the question and the answer. */
  meanwhile: (() => void) | undefined;

  readonly answer = async (address: string, init?: RequestInit): Promise<Response> => {
    await Promise.resolve();
    const [path = "", query = ""] = address.replace("/api/dataset/", "").split("?");
    const song = Number(new URLSearchParams(query).get("song"));
    switch (path) {
      case "fields":
        return reply({ song: [{ key: "caption", control: "text", choices: [], fallback: "" }], texts: [] });
      case "view":
        return reply(this.view());
      case "revision":
        return reply({ revision: String(this.revision), writtenBy: this.writtenBy });
      case "song":
        return reply(this.song(song));
      default:
        return this.write(path, JSON.parse(init?.body as string) as Body);
    }
  };

  write(path: string, body: Body): Response {
    this.sent.push(body);
    this.meanwhile?.();
    if (this.refuses !== undefined) return refusal("ERR_CONFIG", this.refuses, 400);
    if (body.revision !== String(this.revision)) return refusal("CHANGED_ELSEWHERE", "changed", 409);
    const [song] = body.songs ?? [];
    if (path === "edit" && body.dryRun !== true) {
      for (const each of body.songs ?? []) this.captions[each] = (body.set?.caption ?? "").trim();
      this.revision++;
    }
    if (path === "undo") this.revision++;
    return reply({
      revision: String(this.revision),
      history: { undo: this.revision - 1, redo: false },
      changes: [],
      selected: 1,
      ...(body.songs?.length === 1 && song !== undefined ? { song: this.song(song) } : {}),
    });
  }

  elsewhere(captions: string[]): void {
    this.captions = captions;
    this.revision++;
  }

  private view(): Partial<DatasetView> {
    const songs = this.captions.map((caption, song) => ({ song, file: `${song}.wav`, caption }));
    return {
      path: "d.json",
      revision: String(this.revision),
      songs: songs as unknown as DatasetView["songs"],
      history: { undo: 0, redo: false },
      findings: [],
    };
  }

  private song(song: number): Partial<SongView> {
    return {
      song,
      file: `${song}.wav`,
      revision: String(this.revision),
      values: { caption: this.captions[song] },
    };
  }
}

interface Body {
  readonly revision: string;
  readonly songs?: number[];
  readonly set?: { caption?: string };
  readonly dryRun?: boolean;
}

const reply = (value: unknown): Response => new Response(JSON.stringify(value));
const refusal = (code: string, message: string, status: number): Response =>
  new Response(JSON.stringify({ error: { code, message, advice: "" } }), { status });

let server: Server;
let desk: Desk;
beforeEach(async () => {
  server = new Server();
  vi.stubGlobal("fetch", server.answer);
  desk = new Desk("d.json");
  await desk.load();
  await desk.show(0);
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const caption = (song: number): unknown => desk.state.songs[song]?.values.caption;

test("what is typed is written once, on the state it was seen in, and the file's form of it is taken", async () => {
  desk.type(0, "caption", " loud ");
  expect(desk.state.drafts[0]?.fields).toEqual({ caption: { text: " loud ", base: "one" } });
  await desk.save(0);
  expect(server.captions).toEqual(["loud", "two"]);
  expect([desk.state.drafts, caption(0), desk.state.view?.revision]).toEqual([{}, "loud", "2"]);
  await desk.save(0);
  expect(server.sent).toHaveLength(1);
});

test("songs saved in quick turn are written one after another, none over another", async () => {
  await desk.show(1);
  await desk.show(0);
  desk.type(0, "caption", "a");
  // Shown before and not typed into: not in memory for that.
  expect(desk.state.songs[1]).toBeDefined();
  desk.type(1, "caption", "b");
  await Promise.all([desk.save(0), desk.save(1)]);
  expect(server.captions).toEqual(["a", "b"]);
  expect([desk.state.drafts, desk.state.refused, desk.state.view?.revision]).toEqual([{}, undefined, "3"]);
});

test("what is typed while a save is under way stays typed", async () => {
  desk.type(0, "caption", "first");
  server.meanwhile = () => {
    desk.type(0, "caption", "first and second");
  };
  await desk.save(0);
  expect(server.captions[0]).toBe("first");
  expect(desk.state.drafts[0]?.fields).toEqual({ caption: { text: "first and second", base: "first" } });
  server.meanwhile = undefined;
  await desk.save(0);
  expect([server.captions[0], desk.state.drafts]).toEqual(["first and second", {}]);
});

test("a file that was changed elsewhere is not written over; the text stays, and is saved when the person says so", async () => {
  desk.type(0, "caption", "mine");
  server.elsewhere(["theirs", "two"]);
  await desk.save(0);
  expect(server.captions).toEqual(["theirs", "two"]);
  expect(desk.state).toMatchObject({ isElsewhere: true, refused: { code: "CHANGED_ELSEWHERE" } });
  await desk.load();
  expect(desk.state.isElsewhere).toBe(false);
  expect([desk.state.drafts[0]?.fields["caption"]?.text, caption(0)]).toEqual(["mine", "theirs"]);
  // Leaving the field does not decide between the two.
  await desk.save(0);
  expect(server.captions[0]).toBe("theirs");
  await desk.save(0, { contested: true });
  expect([server.captions[0], desk.state.drafts]).toEqual(["mine", {}]);
});

test("the file's value can be taken instead of what was typed", async () => {
  desk.type(0, "caption", "mine");
  server.elsewhere(["theirs", "two"]);
  await desk.load();
  desk.drop(0, "caption");
  expect([desk.state.drafts, caption(0)]).toEqual([{}, "theirs"]);
});

test("a change elsewhere is read by itself where nothing is typed, and told where something is", async () => {
  server.elsewhere(["theirs", "two"]);
  await desk.look();
  expect([caption(0), desk.state.isElsewhere]).toEqual(["theirs", false]);
  desk.type(0, "caption", "mine");
  server.elsewhere(["again", "two"]);
  await desk.look();
  expect([caption(0), desk.state.isElsewhere]).toEqual(["theirs", true]);
  expect(desk.state.drafts[0]?.fields["caption"]?.text).toBe("mine");
});

test("a refusal keeps what was typed and says why, until the next try", async () => {
  server.refuses = "another job writes it";
  desk.type(0, "caption", "mine");
  await desk.save(0);
  expect(desk.state.refused?.message).toBe("another job writes it");
  expect(desk.state.drafts[0]?.fields["caption"]?.text).toBe("mine");
  server.refuses = undefined;
  await desk.saveAll();
  expect([server.captions[0], desk.state.refused, desk.state.drafts]).toEqual(["mine", undefined, {}]);
});

test("a preview writes nothing, a change of many songs is seen in the song in hand, an undo too", async () => {
  const edit = { songs: [0, 1], set: { caption: "both" } };
  await desk.preview(edit);
  expect([server.captions, server.revision]).toEqual([["one", "two"], 1]);
  expect(await desk.edit(edit)).toBe(true);
  expect([server.captions, caption(0)]).toEqual([["both", "both"], "both"]);
  server.captions = ["one", "two"];
  expect(await desk.turn("undo")).toBe(true);
  expect([caption(0), desk.state.view?.revision]).toEqual(["one", "3"]);
  server.refuses = "no";
  expect(await desk.edit(edit)).toBe(false);
});

test("a server that is gone is told, and what is typed stays", async () => {
  desk.type(0, "caption", "mine");
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no connection")));
  await desk.save(0);
  await desk.look();
  expect([desk.state.refused?.message, desk.state.error?.message]).toEqual([
    "no connection",
    "no connection",
  ]);
  expect(desk.state.drafts[0]?.fields["caption"]?.text).toBe("mine");
  expect(desk.state.view).toBeDefined();
});

test("a job that begins or ends to write the file is told", async () => {
  server.writtenBy = { id: "a", title: "analyze" };
  await desk.look();
  expect(desk.state.view?.writtenBy?.title).toBe("analyze");
  server.writtenBy = undefined;
  await desk.look();
  expect(desk.state.view?.writtenBy).toBeUndefined();
});
