import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Job, RunRow, WorkspaceView } from "../../../src/studio/api.js";
import type { ExportFormat } from "../../../src/studio/songs-api.js";
import { JobBar } from "../jobs/job-bar.js";
import { Choice } from "../form/choice.js";
import { Card, Failure, Loading } from "../parts/parts.js";
import { get, post } from "../tools/api.js";
import { useAnswer } from "../tools/use-answer.js";
import { t } from "../words/words.js";

/** A run's adapter for another program. */
export function Export({ words }: { words: Readonly<Record<string, string>> }): JSX.Element {
  const workspace = useAnswer<WorkspaceView>("workspace", {}, 5000);
  const formats = useAnswer<readonly ExportFormat[]>("export/formats");
  if (workspace.answer === undefined || formats.answer === undefined) {
    const error = workspace.error ?? formats.error;
    return error === undefined ? <Loading /> : <Failure error={error} />;
  }
  return (
    <>
      <h1>{t("Export")}</h1>
      <ExportDesk run={words["run"] ?? ""} runs={workspace.answer.runs} formats={formats.answer} />
    </>
  );
}

/** Whether a layout has no names for a kind of adapter, so that the nearest LoRA is written. */
export function isForeign(format: ExportFormat, adapter: string): boolean {
  return !format.takes.includes(adapter === "lokr" || adapter === "loha" ? "lycoris" : "lora");
}

/** The layouts for a kind, its own first; a LoRA has no place under LyCORIS' names. */
export function formatsFor(formats: readonly ExportFormat[], adapter: string): ExportFormat[] {
  return formats
    .filter((format) => format.name !== "lycoris" || !isForeign(format, adapter))
    .sort((a, b) => Number(isForeign(a, adapter)) - Number(isForeign(b, adapter)));
}

/** Which adapters a run has kept. */
export function whichOf({ final, best, checkpoints }: RunRow): { value: string; label: string }[] {
  return [
    ...(final ? [{ value: "final", label: t("final") }] : []),
    ...(best === undefined ? [] : [{ value: "best", label: t("best, of step {step}", { step: best.step }) }]),
    ...checkpoints.map((step) => ({ value: String(step), label: t("step {step}", { step }) })),
  ];
}

function ExportDesk(props: {
  run: string;
  runs: readonly RunRow[];
  formats: readonly ExportFormat[];
}): JSX.Element {
  const [path, setPath] = useState(props.run === "" ? (props.runs[0]?.path ?? "") : props.run);
  const [wanted, setWanted] = useState("");
  const [which, setWhich] = useState("final");
  const [rank, setRank] = useState("64");
  const [output, setOutput] = useState<string>();
  const [error, setError] = useState<Error>();
  const [started, setStarted] = useState<Job>();
  const run = props.runs.find((one) => one.path === path);
  const formats = formatsFor(props.formats, run?.adapter ?? "lora");
  const format = formats.find(({ name }) => name === wanted) ?? formats[0];
  const kept = run === undefined ? [] : whichOf(run);
  const adapter = kept.some(({ value }) => value === which) ? which : (kept[0]?.value ?? "");
  const foreign = format !== undefined && isForeign(format, run?.adapter ?? "lora");
  const proposed = useFreeName(path, format?.name ?? "", started?.id ?? "");
  const place = output ?? proposed;
  const start = (): void => {
    const body = {
      run: path,
      which: adapter,
      format: format?.name,
      output: place.trim(),
      asLora: foreign ? rank.trim() : "",
    };
    post<Job>("export/start", body).then(
      (job) => {
        setError(undefined);
        setStarted(job);
        setOutput(undefined);
      },
      (reason: unknown) => {
        setError(reason instanceof Error ? reason : new Error(String(reason)));
      },
    );
  };
  return (
    <Card title={t("An adapter for another program")}>
      <div class="settings">
        <Choice
          id="export-run"
          label={t("Run")}
          value={path}
          choices={props.runs.map((one) => ({ value: one.path, label: `${one.path} (${one.adapter})` }))}
          onValue={setPath}
        />
        <Choice
          id="export-which"
          label={t("Which adapter")}
          value={adapter}
          choices={kept}
          onValue={setWhich}
        />
        <Choice
          id="export-format"
          label={t("Layout")}
          value={format?.name ?? ""}
          choices={formats.map(({ name, about }) => ({ value: name, label: `${name}: ${about}` }))}
          onValue={setWanted}
        />
        {foreign && (
          <div class="setting">
            <label for="export-rank">{t("Rank of the nearest LoRA")}</label>
            <input
              id="export-rank"
              type="text"
              inputMode="numeric"
              value={rank}
              onInput={({ currentTarget }) => {
                setRank(currentTarget.value);
              }}
            />
            <p class="quiet">
              {t("This layout has no names for the adapter's kind: a LoRA near to it is written.")}
            </p>
          </div>
        )}
        <div class="setting">
          <label for="export-output">{t("Written to")}</label>
          <input
            id="export-output"
            type="text"
            spellcheck={false}
            value={place}
            onInput={({ currentTarget }) => {
              setOutput(currentTarget.value);
            }}
          />
        </div>
      </div>
      {run !== undefined && kept.length === 0 && (
        <p class="warning">{t("This run has kept no adapter yet.")}</p>
      )}
      <Failure error={error} />
      <div class="actions">
        <button
          type="button"
          class="primary"
          disabled={adapter === "" || place.trim() === ""}
          onClick={start}
        >
          {t("Export")}
        </button>
      </div>
      {started !== undefined && <Started id={started.id} />}
    </Card>
  );
}

function useFreeName(run: string, format: string, round: string): string {
  const [name, setName] = useState("");
  useEffect(() => {
    if (run === "" || format === "") return undefined;
    const over = new AbortController();
    get<{ output: string }>("export/name", { run, format }, over.signal).then(
      ({ output }) => {
        setName(output);
      },
      () => {
        // Without a proposal the field stays empty, and nothing is begun.
      },
    );
    return () => {
      over.abort();
    };
  }, [run, format, round]);
  return name;
}

/** How the export goes, and where it is once it is done. */
function Started({ id }: { id: string }): JSX.Element | null {
  const { answer, again } = useAnswer<readonly Job[]>("jobs", {}, 1000);
  const job = answer?.find((one) => one.id === id);
  if (job === undefined) return null;
  return (
    <>
      <JobBar job={job} onChange={again} />
      {job.status === "done" && job.makes !== undefined && (
        <p role="status">{t("Written to {place}.", { place: job.makes })}</p>
      )}
    </>
  );
}
