import type { JSX } from "preact";
import { Badge, Failure } from "../parts/parts.js";
import { t } from "../words/words.js";
import type { Desk, DeskState } from "./desk.js";
import { FindingLine } from "./findings.js";

/** What stands in the way: a file that was changed elsewhere, a job that writes it, texts without a song. */
export function Notices({ desk, state }: { desk: Desk; state: DeskState }): JSX.Element {
  const { view, drafts, lost, isElsewhere, error, refused } = state;
  const unsaved = Object.keys(drafts).length;
  return (
    <>
      <Failure error={error ?? refused} />
      {isElsewhere && (
        <div class="notice" role="alert">
          <p>
            {t("The file was changed by something else meanwhile: another tab, a command or an editor.")}{" "}
            {unsaved > 0 && t("What you typed for {count} songs is kept.", { count: unsaved })}
          </p>
          <button
            type="button"
            class="primary"
            onClick={() => {
              void desk.load();
            }}
          >
            {t("Load it again, keep what I typed")}
          </button>
        </div>
      )}
      {view?.writtenBy !== undefined && (
        <p class="notice" role="status">
          <Badge kind="busy">{t("being written")}</Badge>{" "}
          {t(
            "“{job}” is writing this dataset; what you type is kept here and can be saved when that is done.",
            {
              job: view.writtenBy.title,
            },
          )}
        </p>
      )}
      {lost.length > 0 && (
        <div class="notice">
          <p>{t("These songs are in the dataset no more; this was typed for them:")}</p>
          {lost.map(({ file, fields }) => (
            <div key={file}>
              <strong>{file}</strong>
              <pre>
                {Object.entries(fields)
                  .map(([key, { text }]) => `${key}: ${text}`)
                  .join("\n")}
              </pre>
            </div>
          ))}
          <button
            type="button"
            onClick={() => {
              desk.forgetLost();
            }}
          >
            {t("Throw it away")}
          </button>
        </div>
      )}
      {view?.findings
        .filter(({ sample }) => sample === undefined)
        .map((finding) => (
          <FindingLine key={finding.message} finding={finding} />
        ))}
      {view?.warnings.map((line) => (
        <p key={line} class="warning">
          {line}
        </p>
      ))}
    </>
  );
}
