import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { FieldView, TypedSettings } from "../../../src/studio/dataset-api.js";
import type { Job } from "../../../src/studio/api.js";
import { Failure } from "../parts/parts.js";
import { post } from "../tools/api.js";
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
  children?: ComponentChildren;
}): JSX.Element {
  const { address, body, fields, button, onStarted, children } = props;
  const [settings, setSettings] = useState<TypedSettings>({});
  const [error, setError] = useState<Error>();
  const [isAsking, setIsAsking] = useState(false);
  const isWrong = fields.some((field) => !fits(field, settings[field.key] ?? ""));
  const start = (): void => {
    setIsAsking(true);
    post<Job>(address, { ...body, ...(fields.length === 0 ? {} : { settings }) })
      .then(
        (job) => {
          setError(undefined);
          onStarted(job);
        },
        (reason: unknown) => {
          setError(reason instanceof Error ? reason : new Error(String(reason)));
        },
      )
      .finally(() => {
        setIsAsking(false);
      });
  };
  return (
    <form
      class="fields"
      onSubmit={(event) => {
        event.preventDefault();
        if (body !== undefined) start();
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
          }}
        />
      ))}
      <div class="actions">
        <button type="submit" class="primary" disabled={body === undefined || isWrong || isAsking}>
          {button}
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
