/** Where the server is: the folder that the page is in, so that it is found behind a path prefix too. */
export const SERVER_URL = new URL(".", document.baseURI).href;
