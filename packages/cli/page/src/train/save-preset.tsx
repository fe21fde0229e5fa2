import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Texts } from "../../../src/studio/form-api.js";
import type { TrainForm } from "../../../src/studio/train-api.js";
import { Failure } from "../parts/parts.js";
import { post } from "../tools/api.js";
import { t } from "../words/words.js";

/** Keeps the settings under a name, for another training. */
export function SavePreset(props: { settings: Texts; onForm: (form: TrainForm) => void }): JSX.Element {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [error, setError] = useState<Error>();
  const [saved, setSaved] = useState("");
  const save = (replace: boolean): void => {
    post<TrainForm>("train/presets", { name, description, settings: props.settings, replace }).then(
      (form) => {
        setSaved(name);
        setError(undefined);
        props.onForm(form);
      },
      (reason: unknown) => {
        setSaved("");
        setError(reason instanceof Error ? reason : new Error(String(reason)));
      },
    );
  };
  const isTaken = error !== undefined && error.message.includes("exists already");
  return (
    <details>
      <summary>{t("Save these settings as a preset")}</summary>
      <div class="settings">
        <div class="setting">
          <label for="preset-name">{t("Name")}</label>
          <input
            id="preset-name"
            type="text"
            value={name}
            onInput={({ currentTarget }) => {
              setName(currentTarget.value);
              setError(undefined);
            }}
          />
        </div>
        <div class="setting">
          <label for="preset-description">{t("One line about it")}</label>
          <input
            id="preset-description"
            type="text"
            value={description}
            onInput={({ currentTarget }) => {
              setDescription(currentTarget.value);
            }}
          />
        </div>
      </div>
      {isTaken ? (
        <div class="actions">
          <span class="warning">{t("There is a preset of that name.")}</span>
          <button
            type="button"
            onClick={() => {
              save(true);
            }}
          >
            {t("Replace it")}
          </button>
        </div>
      ) : (
        <Failure error={error} />
      )}
      <div class="actions">
        <button
          type="button"
          disabled={name.trim() === ""}
          onClick={() => {
            save(false);
          }}
        >
          {t("Save")}
        </button>
        <span class="quiet" role="status">
          {saved !== "" && t("saved: {name}", { name: saved })}
        </span>
      </div>
    </details>
  );
}
