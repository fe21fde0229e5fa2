import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { FieldView, TypedSettings } from "../../../src/studio/dataset-api.js";
import type { Job } from "../../../src/studio/api.js";
import { Failure } from "../parts/parts.js";
import { post } from "../tools/api.js";
import { t } from "../words/words.js";
import { fits } from "./drafts.js";
import { Field } from "./field.js";

/** A form that starts a job: what it needs as its children, its settings below. */
export function StartJob(props: {
  /** The route that adds the job. */
  address: string;
  /** What it needs beside the settings; undefined while something is missing. */
  body: Readonly<Record<string, unknown>> | undefined;
  /** Its settings, those of a schema that people change most. */
  fields: readonly FieldView[];
  /** The route takes settings. */
  button: string;
  onStarted: (job: Job) => void;
  /** Where something must be shown before it is started: what that is, by the settings. */
  look?: (settings: TypedSettings) => Promise<ComponentChildren>;
  children?: ComponentChildren;
}): JSX.Element {
  const { address, body, fields, button, onStarted, look, children } = props;
  const [shown, setShown] = useState<ComponentChildren>();
  const [settings, setSettings] = useState<TypedSettings>({});
  const [error, setError] = useState<Error>();
  const [isAsking, setIsAsking] = useState(false);
  const isWrong = fields.some((field) => !fits(field, settings[field.key] ?? ""));
  const ask = async (work: () => Promise<void>): Promise<void> => {
    setIsAsking(true);
    try {
      await work();
      setError(undefined);
    } catch (reason) {
      setError(reason instanceof Error ? reason : new Error(String(reason)));
    }
    setIsAsking(false);
  };
  const submit = (): void => {
    if (look !== undefined && shown === undefined) {
      void ask(async () => {
        setShown(await look(settings));
      });
      return;
    }
    void ask(async () => {
      onStarted(await post<Job>(address, { ...body, ...(fields.length === 0 ? {} : { settings }) }));
      setShown(undefined);
    });
  };
  return (
    <form
      class="fields"
      onSubmit={(event) => {
        event.preventDefault();
        if (body !== undefined) submit();
      }}
    >
      {children}
      {fields.map((field) => (
        <Field
          key={field.key}
          field={field}
          form={address.replaceAll("/", "-")}
          text={settings[field.key] ?? ""}
          onText={(text) => {
            setSettings((before) => ({ ...before, [field.key]: text }));
            setShown(undefined);
          }}
        />
      ))}
      {shown !== undefined && <div class="looked">{shown}</div>}
      <div class="actions">
        <button type="submit" class="primary" disabled={body === undefined || isWrong || isAsking}>
          {look !== undefined && shown === undefined ? t("Look what that takes") : button}
        </button>
      </div>
      <Failure error={error} />
    </form>
  );
}

/** A path to choose or to type, with those that are known offered. */
export function PathField(props: {
  id: string;
  name: string;
  help: string;
  value: string;
  known: readonly string[];
  onValue: (value: string) => void;
}): JSX.Element {
  const { id, name, help, value, known, onValue } = props;
  return (
    <div class="field">
      <label for={id}>{name}</label>
      <input
        id={id}
        type="text"
        autocomplete="off"
        spellcheck={false}
        value={value}
        list={`${id}-known`}
        aria-describedby={`${id}-help`}
        onInput={({ currentTarget }) => {
          onValue(currentTarget.value);
        }}
      />
      <datalist id={`${id}-known`}>
        {known.map((path) => (
          <option key={path} value={path} />
        ))}
      </datalist>
      <p class="help" id={`${id}-help`}>
        {help}
      </p>
    </div>
  );
}
