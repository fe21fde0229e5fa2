import type { z } from "zod";
import { parsed } from "./error-words.js";
import type { ServiceAnswer, ServiceClient } from "./service-client.js";

/** Reads an answer's JSON by a schema; what does not fit is a failure that another try may mend. */
export function jsonBy<Value>(
  client: ServiceClient,
  schema: z.ZodType<Value>,
): (answer: ServiceAnswer) => Value {
  return ({ text }) => {
    const body = parsed(text);
    if (body === undefined) throw client.refusal("sent what is no JSON", true);
    const checked = schema.safeParse(body);
    if (checked.success) return checked.data;
    const [issue] = checked.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? "the answer" : issue.path.join(".");
    throw client.refusal(`sent an answer of another form (${place}: ${issue?.message ?? "not valid"})`, true);
  };
}
