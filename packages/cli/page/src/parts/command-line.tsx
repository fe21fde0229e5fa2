import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../words/words.js";

/** What a form comes to as a command line, to be copied. */
export function CommandLine({ line }: { line: string }): JSX.Element {
  const [copied, setCopied] = useState<{ readonly line: string; readonly well: boolean }>();
  const copy = (): void => {
    navigator.clipboard.writeText(line).then(
      () => {
        setCopied({ line, well: true });
      },
      () => {
        setCopied({ line, well: false });
      },
    );
  };
  return (
    <div class="command-line">
      <p class="quiet">{t("The same as a command line:")}</p>
      <code>{line}</code>
      <div class="actions">
        <button type="button" onClick={copy}>
          {t("Copy")}
        </button>
        <span class="quiet" role="status">
          {copied?.line === line &&
            (copied.well ? t("copied") : t("the browser refuses; mark and copy it by hand"))}
        </span>
      </div>
    </div>
  );
}
