import type { LoggedEvent } from "@acewright/trainer";
import type { JSX } from "preact";
import { Card } from "../parts/parts.js";
import { formatMoment, formatNumber } from "../tools/format.js";
import { t } from "../words/words.js";
import { remarks } from "./progress.js";

const shown = 50;

/** What happened, newest first. */
export function RunLog({ events }: { events: readonly LoggedEvent[] }): JSX.Element {
  return (
    <Card title={t("What happened")}>
      <table>
        <tbody>
          {remarks(events)
            .slice(0, shown)
            .map((event) => (
              <tr key={`${event.time} ${event.type} ${event.step}`}>
                <td class="quiet when">{formatMoment(event.time)}</td>
                <td class="number">{event.step}</td>
                <td class={event.type === "warning" || event.type === "step" ? "warning" : ""}>
                  {wordsOf(event)}
                </td>
              </tr>
            ))}
        </tbody>
      </table>
    </Card>
  );
}

function wordsOf(event: LoggedEvent): string {
  switch (event.type) {
    case "started":
      return event.resumedFrom === undefined
        ? t("started")
        : t("resumed from {place}", { place: event.resumedFrom });
    case "warning":
      return event.message;
    case "checkpoint":
      return t("checkpoint saved");
    case "best":
      return t("best adapter so far, loss {loss}", { loss: formatNumber(event.loss) });
    case "sample":
      return t("song made");
    case "finished":
      return event.stoppedEarly === undefined ? t("finished") : t("finished early: no better adapter came");
    case "interrupted":
      return t("stopped, and saved");
    case "step":
      return t("step skipped: {what} was not finite", { what: event.notFinite?.what ?? "loss" });
    case "validation":
    case "gradNorms":
    case "device":
      return "";
  }
}
