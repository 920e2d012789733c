import type { Setting } from "./setting.js";
import { CONFIG_FILE, SETTING_LIST } from "./settings.js";

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
    "Each limit is the largest accepted value. Requests that exceed it fail with `LIMIT_EXCEEDED`, and the error names the limit.",
};

function section(group: string): string {
  const settings = SETTING_LIST.filter((setting) => setting.group === group);
  const note = NOTES[group] === undefined ? "" : `${NOTES[group]}\n\n`;
  return `## ${group}\n\n${note}| flag | default | meaning |\n| --- | --- | --- |\n${settings.map(row).join("\n")}`;
}

function row({ syntax, help, defaultWithAuth, ...setting }: Setting): string {
  const withAuth = defaultWithAuth === undefined ? "" : `; with \`--auth\`: ${code(defaultWithAuth)}`;
  return `| ${code(syntax)} | ${code(setting.default)}${withAuth} | ${help.replaceAll(/[*<|]/g, String.raw`\$&`)} |`;
}

function code(text: string): string {
  return `\`${text.replaceAll("|", String.raw`\|`)}\``;
}
