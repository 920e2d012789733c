/** The entry point of the page. */
import { render } from "preact";
import { Dashboard } from "./dashboard.js";
import "./style/index.css";

render(<Dashboard />, document.body);
