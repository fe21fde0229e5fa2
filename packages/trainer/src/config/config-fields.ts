import { fieldsOf, type SchemaField } from "../schema/fields.js";
import { schemaNode, type SchemaNode } from "../schema/node.js";
import { TrainConfig } from "./train-config.js";

/** JSON schema of {@link TrainConfig}; `flag` beside a field is the name of its command line flag. */
export function trainConfigSchema(): SchemaNode {
  return schemaNode(TrainConfig);
}

/** Every field of {@link TrainConfig}; `environment` is a run's own and left out. */
export function configFields(): readonly SchemaField[] {
  return fieldsOf(TrainConfig, { omit: ["environment"] });
}
