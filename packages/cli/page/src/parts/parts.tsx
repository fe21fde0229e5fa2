import type { ComponentChildren, JSX } from "preact";
import { Refused } from "../tools/api.js";
import { t } from "../words/words.js";

/** Small pieces that every room of the page is made of. */

export function Failure({ error }: { error: Error | undefined }): JSX.Element | null {
  if (error === undefined) return null;
  const advice = error instanceof Refused ? error.advice : "";
  return (
    <div class="failure" role="alert">
      <strong>{error.message}</strong>
      {advice !== "" && <span>{advice}</span>}
    </div>
  );
}

export function Loading(): JSX.Element {
  return (
    <p class="quiet" role="status">
      {t("Loading…")}
    </p>
  );
}

/** A titled box. */
export function Card(props: {
  title: string;
  actions?: ComponentChildren;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <section class="card" aria-label={props.title}>
      <header>
        <h2>{props.title}</h2>
        <div class="actions">{props.actions}</div>
      </header>
      {props.children}
    </section>
  );
}

/** What is said where a list is empty: what would stand there, and how it comes about. */
export function Nothing({ children }: { children: ComponentChildren }): JSX.Element {
  return <p class="nothing">{children}</p>;
}

/** A state in a word, coloured by how it is. */
export function Badge({ kind, children }: { kind: BadgeKind; children: ComponentChildren }): JSX.Element {
  return <span class={`badge ${kind}`}>{children}</span>;
}
export type BadgeKind = "good" | "bad" | "busy" | "plain";
