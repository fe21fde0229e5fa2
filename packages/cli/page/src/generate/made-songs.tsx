import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Job } from "../../../src/studio/api.js";
import type { SongRow } from "../../../src/studio/songs-api.js";
import { JobBar } from "../jobs/job-bar.js";
import { Listening, type Heard } from "../parts/listening.js";
import { Card, Failure, Nothing } from "../parts/parts.js";
import { address } from "../tools/api.js";
import { formatMoment } from "../tools/format.js";
import { useAnswer } from "../tools/use-answer.js";
import { t } from "../words/words.js";

type Side = "a" | "b";

/** The songs that were made, and two of them against each other. */
export function MadeSongs(): JSX.Element {
  const { answer, error } = useAnswer<readonly SongRow[]>("generate/songs", {}, 3000);
  const [sides, setSides] = useState<Readonly<Record<Side, string>>>({ a: "", b: "" });
  const heard = (side: Side): Heard | undefined => {
    const song = answer?.find(({ path }) => path === sides[side]);
    return song === undefined
      ? undefined
      : { key: song.path + song.madeAt, label: song.path, source: sourceOf(song) };
  };
  const [a, b] = [heard("a"), heard("b")];
  return (
    <Card title={t("Songs made")}>
      <SongJobs />
      <Failure error={error} />
      {a !== undefined && b !== undefined && <Listening a={a} b={b} />}
      {(a === undefined) !== (b === undefined) && (
        <p class="quiet">{t("Choose a song for the other side as well to hear both at the same moment.")}</p>
      )}
      {answer?.length === 0 && <Nothing>{t("None yet.")}</Nothing>}
      {answer?.map((song) => (
        <div key={song.path} class="song">
          <div>
            <strong>{song.path}</strong> <span class="quiet">{formatMoment(song.madeAt)}</span>
            {song.about !== undefined && <div class="quiet about">{song.about}</div>}
          </div>
          <div class="actions">
            {(["a", "b"] as const).map((side) => (
              <button
                key={side}
                type="button"
                aria-pressed={sides[side] === song.path}
                aria-label={side === "a" ? t("Hear as A") : t("Hear as B")}
                class={sides[side] === song.path ? "primary" : ""}
                onClick={() => {
                  setSides((before) => ({ ...before, [side]: before[side] === song.path ? "" : song.path }));
                }}
              >
                {side.toUpperCase()}
              </button>
            ))}
          </div>
          <audio src={sourceOf(song)} controls preload="none" />
        </div>
      ))}
    </Card>
  );
}

/** One that was written over is another one: the moment tells them apart. */
function sourceOf({ path, madeAt }: SongRow): string {
  return address("runs/audio", { path, made: madeAt });
}

/** Those that are made now or wait, and the last one where it failed. */
function SongJobs(): JSX.Element {
  const { answer, again } = useAnswer<readonly Job[]>("jobs", {}, 1000);
  const songs = (answer ?? []).filter(({ kind }) => kind === "generate");
  const shown = songs.filter(
    ({ status }, i) => status === "running" || status === "waiting" || (i === 0 && status === "failed"),
  );
  return (
    <>
      {shown.map((job) => (
        <JobBar key={job.id} job={job} onChange={again} />
      ))}
    </>
  );
}
