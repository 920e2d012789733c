/** The entry point of the page. */
import { render } from "preact";
import { Dashboard } from "./dashboard.js";
import { fetchServerInfo } from "./server/about.js";
import "./style/index.css";

void fetchServerInfo();
render(<Dashboard />, document.body);
