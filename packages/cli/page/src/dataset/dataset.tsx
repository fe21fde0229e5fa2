import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { Failure, Loading } from "../parts/parts.js";
import { linkTo } from "../tools/place.js";
import { t } from "../words/words.js";
import { Bulk } from "./bulk.js";
import { Datasets } from "./datasets.js";
import type { Desk, DeskState } from "./desk.js";
import { Editor } from "./editor.js";
import { JobBar } from "../jobs/job-bar.js";
import { useJobsOf } from "./jobs-of.js";
import { useKeys } from "./keys.js";
import { Metadata } from "./metadata.js";
import { Notices } from "./notices.js";
import { Player } from "./player.js";
import { Preparation } from "./preparation.js";
import { usePick } from "./search.js";
import { SongTable } from "./song-table.js";
import { bySong, selectedBy, sorted, type Order } from "./table-order.js";
import { noSearch, Toolbar } from "./toolbar.js";
import { useDesk } from "./use-desk.js";

/** The songs of a dataset: see, hear and describe them, and make them ready to train on. */
export function DatasetRoom({ words }: { words: Readonly<Record<string, string>> }): JSX.Element {
  const { path, folder } = words;
  return path === undefined ? <Datasets folder={folder} /> : <OneDataset key={path} path={path} />;
}

function OneDataset({ path }: { path: string }): JSX.Element {
  const { desk, state } = useDesk(path);
  const jobs = useJobsOf(path, () => {
    void desk.look().then(async () => (desk.state.isElsewhere ? undefined : desk.load()));
  });
  const { view, fields } = state;
  if (view === undefined || fields === undefined) {
    const job = jobs.newest;
    if (job !== undefined)
      return (
        <section class="card" aria-label={job.title}>
          <JobBar
            job={job}
            onChange={() => {
              jobs.again();
            }}
          />
          {job.status === "done" && <Failure error={state.error} />}
        </section>
      );
    return state.error === undefined ? <Loading /> : <Failure error={state.error} />;
  }
  return (
    <>
      <Head desk={desk} state={state} />
      <Notices desk={desk} state={state} />
      <Preparation view={view} fields={fields} jobs={jobs.shown} onJob={jobs.again}>
        <Metadata desk={desk} view={view} fields={fields} isSaving={state.isSaving} refused={state.refused} />
      </Preparation>
      <Songs desk={desk} state={state} />
    </>
  );
}

function Head({ desk, state }: { desk: Desk; state: DeskState }): JSX.Element {
  const { undo = 0, redo = false } = state.view?.history ?? {};
  return (
    <div class="room-head">
      <h1>
        {state.view?.metadata.name} <span class="quiet">{state.view?.path}</span>
      </h1>
      <div class="actions">
        <button
          type="button"
          disabled={undo === 0 || state.isSaving}
          title={t("{count} changes can be taken back", { count: undo })}
          onClick={() => {
            void desk.turn("undo");
          }}
        >
          {t("Undo")}
        </button>
        <button
          type="button"
          disabled={!redo || state.isSaving}
          onClick={() => {
            void desk.turn("redo");
          }}
        >
          {t("Redo")}
        </button>
        <a href={linkTo("dataset")}>{t("All datasets")}</a>
      </div>
    </div>
  );
}

function Songs({ desk, state }: { desk: Desk; state: DeskState }): JSX.Element {
  const { view } = state;
  const all = view?.songs ?? [];
  const [search, setSearch] = useState(noSearch);
  const [order, setOrder] = useState<Order>({ column: undefined, descending: false });
  const [selected, setSelected] = useState<ReadonlySet<number>>(new Set());
  /** Chosen under this search: it stays in the table though an edit has made it one that is not searched for. */
  const [held, setHeld] = useState<number>();
  const lastClicked = useRef<number | undefined>(undefined);
  const [heard, setHeard] = useState<number>();
  const [isPlaying, setIsPlaying] = useState(false);
  const pick = usePick(desk.path, view?.revision, search);
  const findings = useMemo(() => bySong(view?.findings ?? []), [view?.findings]);
  const rows = useMemo(() => {
    const shown = all.filter(
      ({ song }) =>
        song === held || (pick.songs?.has(song) !== false && (!search.onlyFindings || findings.has(song))),
    );
    return sorted(shown, order, findings);
  }, [all, pick.songs, search.onlyFindings, findings, order, held]);
  const chosen = useMemo(
    () => all.flatMap(({ song }) => (selected.has(song) ? [song] : [])),
    [all, selected],
  );
  const show = (song: number): void => {
    setHeld(song);
    void desk.show(song);
  };
  const play = (song: number): void => {
    setIsPlaying(song === heard ? !isPlaying : true);
    setHeard(song);
  };
  const step = (by: 1 | -1): void => {
    const at = rows.findIndex(({ song }) => song === heard);
    const next = rows[at + by];
    if (next === undefined) return;
    setHeard(next.song);
    setIsPlaying(true);
    show(next.song);
  };
  useKeys({
    onPlay: () => {
      const song = (isPlaying ? heard : state.current) ?? heard ?? rows[0]?.song;
      if (song !== undefined) play(song);
    },
    onSave: () => {
      void desk.saveAll({ contested: true });
    },
  });
  return (
    <>
      <Toolbar
        search={search}
        onSearch={(next) => {
          setSearch(next);
          setHeld(undefined);
        }}
        error={pick.error}
        shown={rows.length}
        all={all.length}
        selected={chosen.length}
        onSelectNone={() => {
          setSelected(new Set());
        }}
      />
      <div class="songs">
        <SongTable
          rows={rows}
          order={order}
          onOrder={setOrder}
          findings={findings}
          drafts={state.drafts}
          selected={selected}
          current={state.current}
          playing={isPlaying ? heard : undefined}
          onSelect={(song, shift) => {
            const shown = rows.map((row) => row.song);
            const last = lastClicked.current;
            setSelected((before) => selectedBy(before, shown, song, last, shift));
            lastClicked.current = song;
          }}
          onSelectAll={(on) => {
            const next = new Set(selected);
            for (const { song } of rows) {
              if (on) next.add(song);
              else next.delete(song);
            }
            setSelected(next);
          }}
          onShow={show}
          onPlay={(song) => {
            play(song);
            show(song);
          }}
          onEdit={() => {
            document.querySelector<HTMLElement>(".song-fields :is(textarea, input)")?.focus();
          }}
        />
        <div class="beside">
          {chosen.length > 0 && (
            <Bulk
              desk={desk}
              state={state}
              songs={chosen}
              onDone={() => {
                setSelected(new Set());
              }}
            />
          )}
          <Editor desk={desk} state={state} findings={findings} />
        </div>
      </div>
      <Player
        path={desk.path}
        row={heard === undefined ? undefined : all[heard]}
        isPlaying={isPlaying}
        onPlaying={setIsPlaying}
        onStep={step}
      />
    </>
  );
}
