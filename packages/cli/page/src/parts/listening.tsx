import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../words/words.js";

/** Something to hear. */
export interface Heard {
  readonly key: string;
  readonly label: string;
  /** Where the browser gets it from. */
  readonly source: string;
}

/**
 * Hears two songs in turn at the same moment of both: switching keeps the place, as one compares two mixes. Blind, the names are
 * hidden and the sides are drawn by chance.
 */
export function Listening({ a, b }: { a: Heard; b: Heard }): JSX.Element {
  const players = { a: useRef<HTMLAudioElement>(null), b: useRef<HTMLAudioElement>(null) };
  const [side, setSide] = useState<"a" | "b">("a");
  const [blind, setBlind] = useState(false);
  const [turned, setTurned] = useState(false);
  const [first, second] = turned ? [b, a] : [a, b];
  useEffect(() => {
    setTurned(blind && Math.random() < 0.5);
    setSide("a");
  }, [blind, a.key, b.key]);
  const hear = (next: "a" | "b"): void => {
    const [from, to] = [players[side].current, players[next].current];
    setSide(next);
    if (from === null || to === null || from === to) return;
    to.currentTime = Math.min(
      from.currentTime,
      Number.isFinite(to.duration) ? to.duration : from.currentTime,
    );
    if (from.paused) return;
    from.pause();
    void to.play();
  };
  const name = (which: "a" | "b"): string => {
    const heard = which === "a" ? first : second;
    return blind ? which.toUpperCase() : `${which.toUpperCase()}: ${heard.label}`;
  };
  return (
    <div class="listening">
      <div class="actions" role="radiogroup" aria-label={t("Which one is heard")}>
        {(["a", "b"] as const).map((which) => (
          <button
            key={which}
            type="button"
            role="radio"
            aria-checked={side === which}
            class={side === which ? "primary" : ""}
            onClick={() => {
              hear(which);
            }}
          >
            {name(which)}
          </button>
        ))}
        <label>
          <input
            type="checkbox"
            checked={blind}
            onChange={({ currentTarget }) => {
              setBlind(currentTarget.checked);
            }}
          />{" "}
          {t("blind")}
        </label>
      </div>
      <audio ref={players.a} src={first.source} controls preload="metadata" hidden={side !== "a"} />
      <audio ref={players.b} src={second.source} controls preload="metadata" hidden={side !== "b"} />
    </div>
  );
}
