import { render } from "preact";
import { App } from "./app.js";
import { chooseLanguage, rememberedLanguage } from "./words/words.js";
import { applyTheme, rememberedTheme } from "./tools/theme.js";

const place = document.getElementById("studio");
if (place === null) throw new Error("the page has no place for the studio");
applyTheme(rememberedTheme());
await chooseLanguage(rememberedLanguage());
render(<App />, place);
