import type { LyricLine } from "@acewright/dataset";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { SongRow, SongView } from "../../../src/studio/dataset-api.js";
import { get, address } from "../tools/api.js";
import { t } from "../words/words.js";
import { lineAt } from "./lyric-line.js";

export interface PlayerProps {
  readonly path: string;
  /** The song that is loaded. */
  readonly row: SongRow | undefined;
  /** Whether it shall sound. */
  readonly isPlaying: boolean;
  readonly onPlaying: (isPlaying: boolean) => void;
  /** To the song before or after it in the table. */
  readonly onStep: (step: 1 | -1) => void;
}

/** What a browser is told when it cannot play a song, or the server will not give it. */
async function whySilent(path: string, { song, file, filename }: SongRow): Promise<string> {
  const answer = await fetch(address("dataset/audio", { path, song, file }), {
    headers: { Range: "bytes=0-0" },
  });
  if (answer.ok) {
    const ending = /\.\w+$/.exec(filename)?.[0] ?? filename;
    return t(
      "This browser cannot play {ending} files. Training reads them all the same; to hear it here, convert it to .wav, .mp3 or .flac.",
      { ending },
    );
  }
  const said = (await answer.json()) as { error?: { message?: string } };
  return said.error?.message ?? t("The song cannot be read.");
}

/** Plays one song at a time, and shows the line that is sung where its time is known. */
export function Player({ path, row, isPlaying, onPlaying, onStep }: PlayerProps): JSX.Element | null {
  const audio = useRef<HTMLAudioElement>(null);
  const [silent, setSilent] = useState<string>();
  const [seconds, setSeconds] = useState(0);
  const lines = useLyricLines(path, row);
  const source =
    row === undefined ? undefined : address("dataset/audio", { path, song: row.song, file: row.file });
  useEffect(() => {
    setSilent(undefined);
    setSeconds(0);
  }, [source]);
  useEffect(() => {
    const player = audio.current;
    if (player === null || source === undefined) return;
    if (!isPlaying) player.pause();
    else if (player.paused) {
      player.play().catch((reason: unknown) => {
        // Another song was chosen before this one began, or it cannot be played: the player's own event tells the second.
        if (reason instanceof Error && reason.name === "NotAllowedError") onPlaying(false);
      });
    }
  }, [isPlaying, source]);
  if (row === undefined) return null;
  return (
    <section class="card player" aria-label={t("Player")}>
      <div class="actions">
        <button
          type="button"
          aria-label={t("Song before")}
          onClick={() => {
            onStep(-1);
          }}
        >
          «
        </button>
        <button
          type="button"
          aria-label={isPlaying ? t("Pause") : t("Play")}
          onClick={() => {
            onPlaying(!isPlaying);
          }}
        >
          {isPlaying ? "❚❚" : "▶"}
        </button>
        <button
          type="button"
          aria-label={t("Song after")}
          onClick={() => {
            onStep(1);
          }}
        >
          »
        </button>
        <strong class="name" title={row.filename}>
          {row.filename}
        </strong>
        <audio
          ref={audio}
          controls
          preload="metadata"
          src={source}
          onPlay={() => {
            onPlaying(true);
          }}
          onPause={() => {
            onPlaying(false);
          }}
          onTimeUpdate={({ currentTarget }) => {
            setSeconds(currentTarget.currentTime);
          }}
          onError={() => {
            onPlaying(false);
            void whySilent(path, row).then(setSilent, (reason: unknown) => {
              setSilent(String(reason));
            });
          }}
        />
      </div>
      {silent !== undefined && (
        <p class="bad" role="alert">
          {silent}
        </p>
      )}
      <SungLines
        lines={lines}
        seconds={seconds}
        onSeek={(to) => {
          if (audio.current !== null) audio.current.currentTime = to;
        }}
      />
    </section>
  );
}

function useLyricLines(path: string, row: SongRow | undefined): readonly LyricLine[] {
  const [lines, setLines] = useState<readonly LyricLine[]>([]);
  const [song, file] = [row?.song, row?.file];
  useEffect(() => {
    let over = false;
    setLines([]);
    if (song === undefined) return undefined;
    get<SongView>("dataset/song", { path, song }).then(
      (view) => {
        if (!over && view.file === file) setLines(view.lyricLines);
      },
      () => {
        // The song itself says what is wrong; without its lines it still plays.
      },
    );
    return () => {
      over = true;
    };
  }, [path, song, file]);
  return lines;
}

function SungLines(props: {
  lines: readonly LyricLine[];
  seconds: number;
  onSeek: (seconds: number) => void;
}): JSX.Element | null {
  const { lines, seconds, onSeek } = props;
  const box = useRef<HTMLOListElement>(null);
  const at = lineAt(lines, seconds);
  useEffect(() => {
    const [place, line] = [box.current, box.current?.querySelector<HTMLElement>("[aria-current]")];
    if (place === null || line === null || line === undefined) return;
    place.scrollTop = line.offsetTop - place.clientHeight / 2 + line.clientHeight / 2;
  }, [at]);
  if (lines.length === 0) return null;
  return (
    <ol class="sung" ref={box} aria-label={t("Lyrics as they are sung")}>
      {lines.map(({ start_s: start, text }, index) => (
        <li key={index} aria-current={index === at ? "true" : undefined}>
          <button
            type="button"
            class="plain"
            onClick={() => {
              onSeek(start);
            }}
          >
            {text}
          </button>
        </li>
      ))}
    </ol>
  );
}
