import type { Finding } from "@acewright/dataset";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { SongRow } from "../../../src/studio/dataset-api.js";
import { formatTime } from "../tools/format.js";
import { t } from "../words/words.js";
import type { Drafts } from "./drafts.js";
import { FindingCount } from "./findings.js";
import { rowsInView, scrolledTo, turned, type Column, type Order } from "./table-order.js";

/** Of every row, in pixels; the style sheet says the same. */
const rowHeight = 36;

export interface SongTableProps {
  /** In the order they are shown. */
  readonly rows: readonly SongRow[];
  readonly order: Order;
  readonly onOrder: (order: Order) => void;
  readonly findings: ReadonlyMap<number, readonly Finding[]>;
  readonly drafts: Drafts;
  readonly selected: ReadonlySet<number>;
  readonly current: number | undefined;
  readonly playing: number | undefined;
  readonly onSelect: (song: number, shift: boolean) => void;
  readonly onSelectAll: (all: boolean) => void;
  readonly onShow: (song: number) => void;
  readonly onPlay: (song: number) => void;
  /** Goes on to the fields of the song in hand. */
  readonly onEdit: () => void;
}

/** The songs; of thousands only those in view are drawn. */
export function SongTable(props: SongTableProps): JSX.Element {
  const { rows, current } = props;
  const box = useRef<HTMLDivElement>(null);
  const [scrollTop, setScrollTop] = useState(0);
  const [height, setHeight] = useState(600);
  const { first, end } = rowsInView(scrollTop, height, rowHeight, rows.length);
  useEffect(() => {
    const place = box.current;
    if (place === null) return undefined;
    const measured = new ResizeObserver(() => {
      if (place.clientHeight > 0) setHeight(place.clientHeight);
    });
    measured.observe(place);
    return () => {
      measured.disconnect();
    };
  }, []);
  const at = rows.findIndex(({ song }) => song === current);
  useEffect(() => {
    const place = box.current;
    if (place === null || at < 0) return;
    // The head covers the top.
    place.scrollTop = scrolledTo(at, place.scrollTop, place.clientHeight - rowHeight, rowHeight);
  }, [at]);
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (step !== undefined) {
      const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
      if (next !== undefined) props.onShow(next.song);
      // What has the focus may be a row that is drawn no more in a moment.
      box.current?.focus({ preventScroll: true });
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) props.onSelectAll(true);
    else if (event.key === "Enter" && event.target === box.current && current !== undefined) props.onEdit();
    else return;
    event.preventDefault();
  };
  return (
    <div
      class="song-table"
      ref={box}
      tabIndex={0}
      role="region"
      aria-label={t("Songs: arrow keys choose, Enter edits, space plays")}
      onScroll={({ currentTarget }) => {
        setScrollTop(currentTarget.scrollTop);
      }}
      onKeyDown={move}
    >
      <table aria-rowcount={rows.length + 1}>
        <Head {...props} />
        <tbody>
          <tr aria-hidden="true" style={{ height: `${first * rowHeight}px` }} />
          {rows.slice(first, end).map((row, index) => (
            <Row key={row.song} row={row} at={first + index} {...props} />
          ))}
          <tr aria-hidden="true" style={{ height: `${(rows.length - end) * rowHeight}px` }} />
        </tbody>
      </table>
    </div>
  );
}

function Head({ rows, selected, order, onOrder, onSelectAll }: SongTableProps): JSX.Element {
  const all = rows.length > 0 && rows.every(({ song }) => selected.has(song));
  const columns: readonly (readonly [Column, string])[] = [
    ["filename", t("Song")],
    ["duration", t("Length")],
    ["findings", t("Findings")],
    ["caption", t("Caption")],
    ["lines", t("Lyrics")],
    ["bpm", t("BPM")],
    ["keyscale", t("Key")],
    ["timesignature", t("Meter")],
    ["language", t("Language")],
    ["labeled", t("Labeled")],
  ];
  const sorts = { true: "descending", false: "ascending" } as const;
  return (
    <thead>
      <tr>
        <th class="col-select">
          <input
            type="checkbox"
            aria-label={t("Select all songs shown")}
            checked={all}
            onChange={() => {
              onSelectAll(!all);
            }}
          />
        </th>
        <th class="col-play" aria-label={t("Play")} />
        {columns.map(([column, name]) => (
          <th
            key={column}
            class={`col-${column}`}
            aria-sort={order.column === column ? sorts[`${order.descending}`] : "none"}
          >
            <button
              type="button"
              class="plain"
              onClick={() => {
                onOrder(turned(order, column));
              }}
            >
              {name}
              {order.column === column && (order.descending ? " ▾" : " ▴")}
            </button>
          </th>
        ))}
      </tr>
    </thead>
  );
}

function Row(props: SongTableProps & { readonly row: SongRow; readonly at: number }): JSX.Element {
  const { row, at, selected, current, playing, findings, drafts, onSelect, onShow, onPlay } = props;
  const { song } = row;
  const isPlaying = playing === song;
  return (
    <tr
      class={`song-row${current === song ? " current" : ""}${isPlaying ? " playing" : ""}${selected.has(song) ? " selected" : ""}`}
      aria-rowindex={at + 2}
      onClick={(event) => {
        if (event.shiftKey || event.ctrlKey || event.metaKey) onSelect(song, event.shiftKey);
        else onShow(song);
      }}
    >
      <td class="col-select">
        <input
          type="checkbox"
          aria-label={t("Select {song}", { song: row.filename })}
          checked={selected.has(song)}
          onClick={(event) => {
            event.stopPropagation();
            onSelect(song, event.shiftKey);
          }}
        />
      </td>
      <td class="col-play">
        <button
          type="button"
          class="plain"
          aria-label={
            isPlaying ? t("Pause {song}", { song: row.filename }) : t("Play {song}", { song: row.filename })
          }
          onClick={(event) => {
            event.stopPropagation();
            onPlay(song);
          }}
        >
          {isPlaying ? "❚❚" : "▶"}
        </button>
      </td>
      <td class="col-filename" title={row.file}>
        {drafts[song] !== undefined && <span class="unsaved">{t("unsaved")} </span>}
        {row.isMissing && <span class="bad">{t("missing")} </span>}
        <button
          type="button"
          class="plain name"
          aria-current={current === song ? "true" : undefined}
          onClick={(event) => {
            if (event.shiftKey || event.ctrlKey || event.metaKey) return;
            event.stopPropagation();
            onShow(song);
          }}
        >
          {row.filename}
        </button>
      </td>
      <td class="col-duration number">{row.duration > 0 ? formatTime(row.duration) : ""}</td>
      <td class="col-findings">
        <FindingCount findings={findings.get(song) ?? []} />
      </td>
      <td class="col-caption" title={row.caption}>
        {row.caption.split("\n", 1)[0]}
      </td>
      <td class="col-lines">
        {row.lines === 0 ? t("instrumental") : t("{count} lines", { count: row.lines })}
      </td>
      <td class="col-bpm number">{row.bpm ?? ""}</td>
      <td class="col-keyscale">{row.keyscale}</td>
      <td class="col-timesignature number">{row.timesignature}</td>
      <td class="col-language">{row.language === "unknown" ? "" : row.language}</td>
      <td class="col-labeled">{row.labeled ? t("yes") : t("no")}</td>
    </tr>
  );
}
