import { AceError } from "@acewright/core-native";

/** Shorter ones are no keys, and taking every "a" out of an answer would leave nothing of it. */
const shortestKey = 4;

/** An API key. It prints as "[key]" wherever it would be shown, saved or logged by mistake. */
export class Secret {
  readonly #value: string;
  /** Name of the environment variable it came from. */
  readonly variable: string;

  private constructor(variable: string, value: string) {
    this.variable = variable;
    this.#value = value;
  }

  /**
   * Reads a key from the environment; undefined when it is not set.
   *
   * @throws {AceError} ERR_CONFIG when it holds what no key holds; the message does not show it.
   */
  static fromEnvironment(
    environment: Readonly<Record<string, string | undefined>>,
    variable: string,
  ): Secret | undefined {
    const value = (environment[variable] ?? "").trim();
    if (value === "") return undefined;
    if (value.length < shortestKey || !/^[\x21-\x7e]+$/.test(value)) {
      throw new AceError(
        "ERR_CONFIG",
        `${variable}: is no key (${value.length} characters, or spaces and signs that no key has); set it again`,
      );
    }
    return new Secret(variable, value);
  }

  /** The key itself, for the one header it belongs in. */
  reveal(): string {
    return this.#value;
  }

  /** A text without the key in any of the forms a server may send it back in. */
  redact(text: string): string {
    const json = JSON.stringify(this.#value).slice(1, -1);
    const forms = [this.#value, json, json.replaceAll("/", "\\/"), encodeURIComponent(this.#value)];
    return forms.reduce((clean, form) => clean.split(form).join("[key]"), text);
  }

  toString(): string {
    return "[key]";
  }

  toJSON(): string {
    return "[key]";
  }
}
