import type { Finding, Severity } from "@acewright/dataset";
import type { JSX } from "preact";
import { Badge, type BadgeKind } from "../parts/parts.js";
import { t } from "../words/words.js";

const kinds: Readonly<Record<Severity, BadgeKind>> = { error: "bad", warning: "busy", info: "plain" };

export function severityName(severity: Severity): string {
  const names: Readonly<Record<Severity, string>> = {
    error: t("error"),
    warning: t("warning"),
    info: t("worth a look"),
  };
  return names[severity];
}

/** What was found, how to mend it, and where one knows better: the value to take. */
export function FindingLine(props: {
  finding: Finding;
  onTake?: (suggestion: string | number) => void;
}): JSX.Element {
  const { finding, onTake } = props;
  const { severity, message, fix, suggestion } = finding;
  return (
    <p class="finding">
      <Badge kind={kinds[severity]}>{severityName(severity)}</Badge> {message.replace(/^[^:]+: /, "")};{" "}
      <span class="quiet">{fix}</span>{" "}
      {suggestion !== undefined && onTake !== undefined && (
        <button
          type="button"
          onClick={() => {
            onTake(suggestion);
          }}
        >
          {t("Take “{value}”", { value: suggestion })}
        </button>
      )}
    </p>
  );
}

/** How many findings a song has, coloured by the worst. */
export function FindingCount({ findings }: { findings: readonly Finding[] }): JSX.Element | null {
  if (findings.length === 0) return null;
  const worst = (["error", "warning", "info"] as const).find((severity) =>
    findings.some((finding) => finding.severity === severity),
  );
  return (
    <span title={findings.map(({ message, fix }) => `${message}; ${fix}`).join("\n")}>
      <Badge kind={kinds[worst ?? "info"]}>{findings.length}</Badge>
    </span>
  );
}
