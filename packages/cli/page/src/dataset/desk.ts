import type {
  ChangedElsewhereCode,
  DatasetChanged,
  DatasetFields,
  DatasetView,
  SongView,
} from "../../../src/studio/dataset-api.js";
import type { Job } from "../../../src/studio/api.js";
import { get, post, Refused } from "../tools/api.js";
import {
  editOf,
  isContested,
  movedDrafts,
  textOf,
  withoutSaved,
  withText,
  type Draft,
  type Drafts,
} from "./drafts.js";

/** What lies on the desk at one moment. */
export interface DeskState {
  readonly view: DatasetView | undefined;
  readonly fields: DatasetFields | undefined;
  /** The song in the editor. */
  readonly current: number | undefined;
  /** Songs in full: the one in the editor, and those with typed text. */
  readonly songs: Readonly<Record<number, SongView>>;
  readonly drafts: Drafts;
  /** Typed for songs that the file holds no more. */
  readonly lost: readonly Draft[];
  readonly isSaving: boolean;
  /** The file was changed by something else, and there is typed text: the person says when it is read again. */
  readonly isElsewhere: boolean;
  /** Why the file could not be read. */
  readonly error: Error | undefined;
  /** Why the last change was not written. */
  readonly refused: Error | undefined;
}

/** A change as the server takes it, less where and on what. */
export interface DeskEdit {
  readonly songs?: readonly number[];
  readonly set?: Readonly<Record<string, unknown>>;
  readonly clear?: readonly string[];
  readonly replace?: { readonly field: string; readonly find: string; readonly by: string };
  readonly tags?: { readonly action: string; readonly tag?: string };
  readonly metadata?: Readonly<Record<string, unknown>>;
}

const changedElsewhere: ChangedElsewhereCode = "CHANGED_ELSEWHERE";

/**
 * One dataset that is worked on: its songs as the file has them, and over them what is typed and not written yet, which nothing
 * but its being written takes away. Writes go one after another, each on the state that the one before left.
 */
export class Desk {
  state: DeskState = {
    view: undefined,
    fields: undefined,
    current: undefined,
    songs: {},
    drafts: {},
    lost: [],
    isSaving: false,
    isElsewhere: false,
    error: undefined,
    refused: undefined,
  };
  private writes: Promise<unknown> = Promise.resolve();
  private readonly listeners = new Set<() => void>();

  constructor(readonly path: string) {}

  /** Somebody draws it. */
  get isHeard(): boolean {
    return this.listeners.size > 0;
  }

  /** @returns what ends the listening. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** Reads the file again. What is typed stays; where its song or field is another now, that is told. */
  async load(): Promise<void> {
    try {
      const fields = this.state.fields ?? (await get<DatasetFields>("dataset/fields"));
      const view = await get<DatasetView>("dataset/view", { path: this.path });
      const { drafts, lost } = movedDrafts(this.state.drafts, view.songs);
      const { current, songs } = this.state;
      const wanted = [
        ...new Set([...(current === undefined ? [] : [current]), ...Object.keys(drafts).map(Number)]),
      ];
      const known = wanted.flatMap((song) => {
        const one = songs[song];
        return one !== undefined && one.file === view.songs[song]?.file ? [one] : [];
      });
      this.set({
        view,
        fields,
        drafts,
        lost: [...this.state.lost, ...lost],
        current: current !== undefined && view.songs[current] === undefined ? undefined : current,
        songs: Object.fromEntries(known.map((one) => [one.song, one])),
        isElsewhere: false,
        error: undefined,
      });
      await Promise.all(wanted.map(async (song) => this.open(song)));
    } catch (error) {
      this.set({ error: asError(error) });
    }
  }

  /** Looks whether the file is as it was; where nothing is typed, it is read again by itself. */
  async look(): Promise<void> {
    const before = this.state.view;
    if (before === undefined) {
      await this.load();
      return;
    }
    let now: { revision: string; writtenBy?: Job };
    try {
      now = await get("dataset/revision", { path: this.path });
    } catch (error) {
      this.set({ error: asError(error) });
      return;
    }
    const { view, isSaving } = this.state;
    // Written by ourselves while the question was under way.
    if (view !== before || isSaving) return;
    if (now.writtenBy?.id !== view.writtenBy?.id) {
      this.set({ view: { ...view, writtenBy: now.writtenBy } });
    }
    if (now.revision === view.revision) {
      this.set({ error: undefined, isElsewhere: false });
      return;
    }
    if (Object.keys(this.state.drafts).length === 0) await this.load();
    else this.set({ isElsewhere: true });
  }

  /** Puts a song into the editor. */
  async show(song: number): Promise<void> {
    this.set({ current: song });
    await this.open(song);
  }

  /** Gets a song in full, where it is not known as it is now. */
  private async open(song: number): Promise<void> {
    const { songs, view: now } = this.state;
    if (now?.songs[song] === undefined || songs[song]?.revision === now.revision) return;
    try {
      const view = await get<SongView>("dataset/song", { path: this.path, song });
      // An older answer that comes late must not hide a newer one.
      if (view.revision === this.state.view?.revision) this.keep(view);
    } catch (error) {
      this.set({ error: asError(error) });
    }
  }

  /** What is typed into a field. */
  type(song: number, key: string, text: string): void {
    const view = this.state.songs[song];
    if (view !== undefined) this.set({ drafts: withText(this.state.drafts, view, key, text) });
  }

  /** Takes what is typed into a field back: the file's value stands there again. */
  drop(song: number, key: string): void {
    const view = this.state.songs[song];
    const values: Readonly<Record<string, unknown>> = view?.values ?? {};
    this.type(song, key, textOf(values[key]));
  }

  /** Forgets texts of songs that are gone. */
  forgetLost(): void {
    this.set({ lost: [] });
  }

  /**
   * Writes what is typed for a song. Texts that do not fit their field stay typed.
   *
   * @param contested also over fields that were changed in the file meanwhile.
   */
  async save(song: number, { contested = false } = {}): Promise<void> {
    await this.inTurn(async () => {
      const { drafts, songs, fields } = this.state;
      const [draft, view] = [drafts[song], songs[song]];
      if (draft === undefined || view === undefined || fields === undefined) return;
      const ready = Object.entries(draft.fields).filter(
        ([key, field]) => contested || !isContested(field, view, key),
      );
      const texts = Object.fromEntries(ready.map(([key, { text }]) => [key, text]));
      const { set, clear, problems } = editOf(fields.song, texts);
      if (Object.keys(set).length + clear.length === 0) return;
      const sent = Object.fromEntries(Object.entries(texts).filter(([key]) => problems[key] === undefined));
      const { song: now } = await this.send({ songs: [song], set, clear });
      if (now === undefined) return;
      this.keep(now);
      this.set({ drafts: withoutSaved(this.state.drafts, song, sent, now) });
    });
  }

  /** Writes all that is typed. */
  async saveAll(options: { contested?: boolean } = {}): Promise<void> {
    await Promise.all(Object.values(this.state.drafts).map(({ song }) => this.save(song, options)));
  }

  /** Writes a change of many songs, or of the dataset as a whole. */
  async edit(edit: DeskEdit): Promise<boolean> {
    return await this.inTurn(async () => {
      await this.send(edit);
    });
  }

  /**
   * What a change would do.
   *
   * @throws {Refused} where it cannot be made.
   */
  async preview(edit: DeskEdit): Promise<DatasetChanged> {
    return await post<DatasetChanged>("dataset/edit", { ...this.place(), ...edit, dryRun: true });
  }

  /** Takes the last change of the file back, or the last undo. */
  async turn(direction: "undo" | "redo"): Promise<boolean> {
    return await this.inTurn(async () => {
      this.took(await post<DatasetChanged>(`dataset/${direction}`, this.place()));
    });
  }

  private place(): { path: string; revision: string } {
    return { path: this.path, revision: this.state.view?.revision ?? "" };
  }

  private async send(edit: DeskEdit): Promise<DatasetChanged> {
    const changed = await post<DatasetChanged>("dataset/edit", { ...this.place(), ...edit });
    this.took(changed);
    return changed;
  }

  /** What the next write is made on. */
  private took({ revision, history }: DatasetChanged): void {
    const { view } = this.state;
    if (view !== undefined) this.set({ view: { ...view, revision, history } });
  }

  /** @returns whether it was done. */
  private async inTurn(work: () => Promise<void>): Promise<boolean> {
    const turn = this.writes.then(async () => {
      const { view: before } = this.state;
      this.set({ isSaving: true });
      try {
        await work();
        this.set({ refused: undefined });
      } catch (error) {
        const isElsewhere = error instanceof Refused && error.code === changedElsewhere;
        this.set({ refused: asError(error), ...(isElsewhere ? { isElsewhere } : {}) });
        return false;
      } finally {
        this.set({ isSaving: false });
      }
      // Rows and findings follow; the typing goes on meanwhile.
      if (this.state.view !== before) await this.load();
      return true;
    });
    this.writes = turn;
    return await turn;
  }

  private keep(song: SongView): void {
    this.set({ songs: { ...this.state.songs, [song.song]: song } });
  }

  private set(change: Partial<DeskState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
