// prebuildify builds with "node-gyp" and then collects build/Release/*.node. Ours is built by CMake: its words are not needed.
const { spawnSync } = require("node:child_process");
const { join } = require("node:path");
const { status } = spawnSync(process.execPath, [join(__dirname, "build-native.mjs")], { stdio: "inherit" });
process.exit(status ?? 1);
