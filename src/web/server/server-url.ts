/** The directory of the page, so that a path prefix works. */
export const SERVER_URL = new URL(".", document.baseURI).href;
