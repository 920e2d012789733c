/** The page's own beginning: everything that is seen is drawn here. */
import { render } from "preact";
import { App } from "./app.js";
import { readAbout } from "./server/about.js";
import { refreshDatabases } from "./server/databases.js";
import "./style/index.css";

void readAbout();
refreshDatabases();
render(<App />, document.body);
