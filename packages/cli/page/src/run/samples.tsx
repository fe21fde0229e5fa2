import type { LoggedEvent } from "@acewright/trainer";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Listening, type Heard } from "../parts/listening.js";
import { Card, Nothing } from "../parts/parts.js";
import { address } from "../tools/api.js";
import { t } from "../words/words.js";

/** The songs of one prompt, made as the training went on. */
export interface SampleRow {
  readonly prompt: string;
  readonly songs: readonly { readonly step: number; readonly file: string }[];
}

/** Songs by prompt, rising by step; one made again at a step after a resume counts once. */
export function sampleRows(events: readonly LoggedEvent[]): SampleRow[] {
  const rows = new Map<string, Map<number, string>>();
  for (const event of events) {
    if (event.type !== "sample") continue;
    const prompt = event.prompt === undefined ? "" : `${event.prompt.number}. ${event.prompt.caption}`;
    const row = rows.get(prompt) ?? new Map<number, string>();
    rows.set(prompt, row.set(event.step, event.file));
  }
  return [...rows].map(([prompt, songs]) => ({
    prompt,
    songs: [...songs].map(([step, file]) => ({ step, file })).sort((a, b) => a.step - b.step),
  }));
}

/** Two songs of a prompt are heard against each other: by itself the first, the model's own, and the newest. */
export function Samples({ events }: { events: readonly LoggedEvent[] }): JSX.Element {
  const rows = sampleRows(events);
  const [chosen, setChosen] = useState<Readonly<Record<string, readonly [number, number]>>>({});
  return (
    <Card title={t("Songs made while training")}>
      {rows.length === 0 && (
        <Nothing>
          {t("None yet: with “sample every” set, training makes a song every so many steps.")}
        </Nothing>
      )}
      {rows.map(({ prompt, songs }) => {
        const [a, b] = chosen[prompt] ?? [songs[0]?.step ?? 0, songs.at(-1)?.step ?? 0];
        const choose = (next: readonly [number, number]): void => {
          setChosen((before) => ({ ...before, [prompt]: next }));
        };
        const heard = (step: number): Heard => ({
          key: `${prompt} ${step}`,
          label: stepName(step),
          source: address("runs/audio", { path: songs.find((song) => song.step === step)?.file ?? "" }),
        });
        return (
          <div key={prompt} class="sample-row">
            {prompt !== "" && <strong>{prompt}</strong>}
            <div class="actions">
              <StepChoice
                label="A"
                songs={songs}
                step={a}
                onChoose={(step) => {
                  choose([step, b]);
                }}
              />
              <StepChoice
                label="B"
                songs={songs}
                step={b}
                onChoose={(step) => {
                  choose([a, step]);
                }}
              />
            </div>
            <Listening a={heard(a)} b={heard(b)} />
          </div>
        );
      })}
    </Card>
  );
}

function stepName(step: number): string {
  return step === 0 ? t("before training") : t("step {step}", { step });
}

function StepChoice(props: {
  label: string;
  songs: SampleRow["songs"];
  step: number;
  onChoose: (step: number) => void;
}): JSX.Element {
  return (
    <label>
      {props.label}{" "}
      <select
        value={props.step}
        onChange={({ currentTarget }) => {
          props.onChoose(Number(currentTarget.value));
        }}
      >
        {props.songs.map(({ step }) => (
          <option key={step} value={step}>
            {stepName(step)}
          </option>
        ))}
      </select>
    </label>
  );
}
