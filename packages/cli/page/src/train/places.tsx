import type { JSX } from "preact";
import type { WorkspaceView } from "../../../src/studio/api.js";
import type { TrainForm } from "../../../src/studio/train-api.js";
import { Choice } from "../form/choice.js";
import { Card, Failure, Nothing } from "../parts/parts.js";
import { linkTo } from "../tools/place.js";
import { t } from "../words/words.js";
import type { FoundBasis } from "./basis.js";
import { beginningKey, beginningOf, type TrainDraft } from "./draft.js";

interface PlacesProps {
  readonly draft: TrainDraft;
  readonly workspace: WorkspaceView;
  readonly form: TrainForm;
  readonly found: FoundBasis;
  readonly onDraft: (change: (before: TrainDraft) => TrainDraft) => void;
  readonly onAgain: () => void;
}

/** What is trained on, what is trained, where it goes, and what the settings begin from. */
export function Places({ draft, workspace, form, found, onDraft, onAgain }: PlacesProps): JSX.Element {
  const set = (change: Partial<TrainDraft>): void => {
    onDraft((before) => ({ ...before, ...change }));
  };
  const { tensors, models } = workspace;
  const preset = form.presets.find(({ name }) => `preset:${name}` === beginningKey(draft.beginning));
  return (
    <Card title={t("What is trained")}>
      {tensors.length === 0 && (
        <Nothing>
          {t("No tensors lie here yet: a dataset is made into them first.")}{" "}
          <a href={linkTo("")}>{t("Overview")}</a>
        </Nothing>
      )}
      <div class="settings">
        <Choice
          id="train-tensors"
          label={t("Songs (tensors)")}
          value={draft.tensors}
          choices={tensors.map(({ path, songs }) => ({
            value: path,
            label: t("{path} ({songs} songs)", { path, songs }),
          }))}
          onValue={(value) => {
            set({ tensors: value });
          }}
        />
        <Choice
          id="train-model"
          label={t("Model")}
          value={draft.model}
          choices={models.map(({ path, variant }) => ({
            value: path,
            label: `${path.split(/[\\/]/).at(-1) ?? path} (${variant})`,
          }))}
          onValue={(value) => {
            set({ model: value });
          }}
        />
        <div class="setting">
          <label for="train-output">{t("Folder of the run")}</label>
          <input
            id="train-output"
            type="text"
            spellcheck={false}
            value={draft.output}
            onInput={({ currentTarget }) => {
              set({ output: currentTarget.value, isOutputOwn: currentTarget.value.trim() !== "" });
            }}
          />
        </div>
        <Choice
          id="train-beginning"
          label={t("Settings begin from")}
          value={beginningKey(draft.beginning)}
          choices={[
            { value: "defaults", label: t("the defaults") },
            { value: "auto", label: t("auto: chosen for this device and these songs") },
            ...form.presets.map(({ name, own }) => ({
              value: `preset:${name}`,
              label: own ? t("{name} (yours)", { name }) : name,
            })),
            ...workspace.runs.map(({ path }) => ({
              value: `run:${path}`,
              label: t("the run {path}", { path }),
            })),
          ]}
          onValue={(key) => {
            set({ beginning: beginningOf(key) });
          }}
        />
      </div>
      {preset !== undefined && preset.description !== "" && <p class="quiet">{preset.description}</p>}
      {draft.beginning.from === "auto" && <Suggested found={found} onAgain={onAgain} />}
      <Failure error={found.error} />
      {form.unreadable.map((line) => (
        <p key={line} class="warning">
          {line}
        </p>
      ))}
    </Card>
  );
}

/** What was chosen for the device and the songs, and why. */
function Suggested({ found, onAgain }: { found: FoundBasis; onAgain: () => void }): JSX.Element | null {
  if (found.error !== undefined) return null;
  const { basis } = found;
  if (basis?.choices === undefined)
    return (
      <p class="quiet" role="status">
        {t("Looking at the device and the songs…")}
      </p>
    );
  return (
    <>
      <table>
        <thead>
          <tr>
            <th>{t("Setting")}</th>
            <th>{t("Value")}</th>
            <th>{t("Why")}</th>
          </tr>
        </thead>
        <tbody>
          {basis.choices.map(({ setting, value, why }) => (
            <tr key={setting}>
              <td>{setting}</td>
              <td>{String(value)}</td>
              <td class="quiet">{why}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="actions">
        <button type="button" onClick={onAgain}>
          {t("Choose again")}
        </button>
      </div>
    </>
  );
}
