import type { Setting } from "./setting.js";
import { LIMIT_RULES } from "./limit-rules.js";
import { CONFIG_FILE, SETTING_LIST, SETTINGS } from "./settings.js";

/** The text of `docs/configuration.md`: a table for each group of settings. */
export function configurationReference(): string {
  const groups = [...new Set(SETTING_LIST.map(({ group }) => group))];
  return `${[INTRODUCTION, ...groups.map(section)].join("\n\n")}\n`;
}

const INTRODUCTION = `<!-- Generated from src/config/settings.ts by \`npm run docs\`. -->

# Configuration

\`tidemark serve\` looks up each setting in this order: the flag, the environment variable, the config file, the
default. The names of the variable and of the key in the file follow from the flag:

| flag | variable | key in the file |
| --- | --- | --- |
| \`--page-size-max 50\` | \`TIDEMARK_PAGE_SIZE_MAX=50\` | \`"pageSizeMax": 50\` |
| \`--dashboard off\` | \`TIDEMARK_DASHBOARD=off\` | \`"dashboard": false\` |
| \`--new-epoch\` | \`TIDEMARK_NEW_EPOCH=on\` | \`"newEpoch": true\` |

\`${CONFIG_FILE.syntax}\` or \`${CONFIG_FILE.variable}\` names the config file, a JSON object. Durations are text with units:
\`500ms\`, \`90s\`, \`1h30m\`, \`7d\`. A list is text with commas. An invalid value stops the server, with an error that names it.`;

/** Text before the table of a group. */
const NOTES: Readonly<Record<string, string>> = {
  Limits:
    "Each limit is the largest accepted value. Requests that exceed it fail with `LIMIT_EXCEEDED` (a text that is too long: `BAD_USER_INPUT`), and the error names the limit. The SDK, the command line and the dashboard read the limits of the server and keep within them: they split reports, shorten texts and request smaller pages.\n\nSeveral servers on one PostgreSQL database share nothing but the databases. So each server applies each limit to its own connections, subscriptions, requests and memory: behind a load balancer, a user gets up to the sum over all servers. `--max-jobs` and `--databases-max` count what all servers have stored, as far as the server knows, so what several servers create at the same moment may exceed them; `--databases-per-user-max` counts the databases that the server has opened.",
};

/** Text after the table of a group. */
function after(group: string): string {
  if (group !== "Limits") return "";
  const rows = LIMIT_RULES.map(
    ({ limit, formula, reason }) => `| \`${SETTINGS.limits[limit].flag}\` | ${formula} | ${reason} |`,
  );
  return `\n\nLimits can contradict each other. The server then does not start, and the error names both settings. The names in a
formula are keys of the file. A limit that is not listed here may be as low as 1.\n\n| flag | at least | because |\n| --- | --- | --- |\n${rows.join("\n")}`;
}

function section(group: string): string {
  const settings = SETTING_LIST.filter((setting) => setting.group === group);
  const note = NOTES[group] === undefined ? "" : `${NOTES[group]}\n\n`;
  return `## ${group}\n\n${note}| flag | default | meaning |\n| --- | --- | --- |\n${settings.map(row).join("\n")}${after(group)}`;
}

function row({ syntax, help, defaultWithAuth, ...setting }: Setting): string {
  const withAuth = defaultWithAuth === undefined ? "" : `; with \`--auth\`: ${code(defaultWithAuth)}`;
  return `| ${code(syntax)} | ${code(setting.default)}${withAuth} | ${help.replaceAll(/[*<|]/g, String.raw`\$&`)} |`;
}

function code(text: string): string {
  return `\`${text.replaceAll("|", String.raw`\|`)}\``;
}
