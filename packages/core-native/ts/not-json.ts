/**
 * How every refusal of a JSON text puts what is wrong with it, behind the text's name: `config.json: is not JSON (...)`, or
 * `cannot be read (...)` where it never came to parsing.
 *
 * @param cause what `JSON.parse`, or reading what it was to parse, threw.
 */
export function notJson(cause: unknown): string {
  const what = cause instanceof SyntaxError ? "is not JSON" : "cannot be read";
  return `${what} (${cause instanceof Error ? cause.message : String(cause)})`;
}
