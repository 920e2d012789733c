import { connect, type ServerMove } from "../../client/index.js";
import { PublicUrlDocument } from "../../client/generated/graphql.js";
import type { ServerEndpoint } from "../server-options.js";
import { firstOf } from "./connect-to.js";

/** The address at which people open the dashboard: the server's public address, else the one that the command uses. */
export async function dashboardUrl({ url, token }: ServerEndpoint): Promise<string> {
  let inUse = firstOf(url);
  const onMoved = ({ to }: ServerMove): void => void (inUse = to);
  try {
    const { server } = await connect({ url, token, onMoved }).request(PublicUrlDocument, {});
    return server.publicUrl ?? inUse;
  } catch {
    return inUse; // an older server does not know one
  }
}
