/** The page's own beginning: everything that is seen is drawn here. */
import { render } from "preact";
import { SERVER_URL } from "./server-url.js";

render(<p>The dashboard of {SERVER_URL}</p>, document.body);
