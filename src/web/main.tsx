/** The entry point of the page. */
import { render } from "preact";
import { Dashboard } from "./dashboard.js";
import { fetchServerInfo } from "./server/about.js";
import { refreshDatabases } from "./server/databases.js";
import { isShared } from "./server/shared-link.js";
import "./style/index.css";

void fetchServerInfo();
if (!isShared) refreshDatabases();
render(<Dashboard />, document.body);
