import { createProjectGraphAsync } from "@nx/devkit";
import nx from "@nx/eslint-plugin";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";
import { packageArrows } from "./tools/arrows.mjs";

// Without a cached project graph the boundary rule switches itself off in silence, so make one.
await createProjectGraphAsync();

const typed = [
  "packages/**/*.ts",
  "packages/**/*.tsx",
  "tools/**/*.ts",
  "tools/**/*.mjs",
  "packages/*/tools/*.mjs",
  "vitest.config.ts",
];

export default defineConfig(
  { ignores: ["**/dist/**", "**/build/**", "**/coverage/**", ".nx/**", "tools/reference/**", "demo-out/**"] },
  {
    files: typed,
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ["vitest.config.ts"] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // Numbers are what we print.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      // A class with static constructors only (Decoder.open) is the shape of our public doors.
      "@typescript-eslint/no-extraneous-class": "off",
    },
  },
  {
    // Casts in JSDoc are checked by tsc (tools/tsconfig.json) but invisible to these rules.
    files: ["**/*.mjs"],
    rules: {
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
  {
    files: ["packages/*/{src,ts,page/src}/**/*.{ts,tsx}"],
    plugins: { "@nx": nx },
    rules: {
      "@nx/enforce-module-boundaries": [
        "error",
        { depConstraints: packageArrows, enforceBuildableLibDependency: true },
      ],
      "no-restricted-exports": [
        "error",
        { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } },
      ],
    },
  },
);
