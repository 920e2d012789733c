import { connect } from "../../client/index.js";
import { PublicUrlDocument } from "../../client/generated/graphql.js";
import type { ServerEndpoint } from "../server-options.js";

/** The address at which people open the dashboard: the server's public address, else the one that the command uses. */
export async function dashboardUrl({ url, token }: ServerEndpoint): Promise<string> {
  try {
    const { server } = await connect({ url, token }).request(PublicUrlDocument, {});
    return server.publicUrl ?? url;
  } catch {
    return url; // an older server does not know one
  }
}
