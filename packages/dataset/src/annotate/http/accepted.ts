import { AceError } from "@acewright/core-native";

/** What an answer must be; a page is not taken for JSON. */
export type Accepted = "json" | "json or text" | "html" | "nothing";

/** True where a content type is what was asked for. */
export function isAccepted(accept: Accepted, type: string): boolean {
  const isJson = /^[^;]*\bjson\b/i.test(type);
  if (accept === "nothing") return true;
  if (accept === "html") return /^text\/html\b/i.test(type);
  return isJson || (accept === "json or text" && /^text\/plain\b/i.test(type));
}

/**
 * The address of a service.
 *
 * @throws {AceError} ERR_CONFIG when it is none, or holds a password; the message does not show it.
 */
export function baseUrlOf(text: string, name: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isWeb = url?.protocol === "http:" || url?.protocol === "https:";
  if (url === undefined || !isWeb || url.search !== "" || url.hash !== "") {
    throw new AceError("ERR_CONFIG", `base URL of ${name}: http:// or https:// and a host was expected`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new AceError(
      "ERR_CONFIG",
      `base URL of ${name}: holds a password; keys are read from the environment`,
    );
  }
  return url;
}
