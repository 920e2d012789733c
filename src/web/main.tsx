/** The entry point of the page. */
import { render } from "preact";
import { Dashboard } from "./dashboard.js";
import { fetchServerInfo } from "./server/about.js";
import { refreshDatabases } from "./server/databases.js";
import "./style/index.css";

void fetchServerInfo();
refreshDatabases();
render(<Dashboard />, document.body);
