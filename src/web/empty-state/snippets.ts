/**
 * Ways to report a first job to this server. Each is complete: pasted as it is into an empty folder, after the line that
 * installs its package, it reports a job whose bar moves for some seconds.
 */
import { DEFAULT_DATABASE } from "../../protocol/default-database.js";
import { DEFAULT_URL } from "../../protocol/default-url.js";

export interface Snippet {
  readonly title: string;
  /** The command that installs the package it needs. */
  readonly install?: string;
  readonly text: string;
}

export interface SnippetOptions {
  /** With or without a trailing slash. */
  readonly serverUrl: string;
  readonly database: string;
  /** Whether the server requires a token, which programs take from TIDEMARK_TOKEN. */
  readonly hasToken: boolean;
}

/** The easiest first. */
export function snippetsFor({ serverUrl, database, hasToken }: SnippetOptions): readonly Snippet[] {
  const url = serverUrl.replace(/\/$/, "");
  return [
    { title: "Any command", text: run(url, database) },
    { title: "Node.js", install: "npm install tidemark-client", text: node(url, database) },
    { title: "Python", install: "pip install tidemark", text: python(url, database) },
    { title: "curl", text: curl(url, database, hasToken) },
  ];
}

/** Where the job goes, without what is the default. */
function target(url: string, database: string): Readonly<Record<string, string>> {
  return { ...(url !== DEFAULT_URL && { url }), ...(database !== DEFAULT_DATABASE && { database }) };
}

function run(url: string, database: string): string {
  const flags = Object.entries(target(url, database)).map(([name, value]) => `--${name} ${inShell(value)} `);
  return `npx tidemark run ${flags.join("")}--name Count -- \\
  sh -c 'for i in $(seq 20); do echo "$i/20"; sleep 0.5; done'`;
}

function node(url: string, database: string): string {
  const options = Object.entries(target(url, database)).map(
    ([name, value]) => `${name}: ${JSON.stringify(value)}`,
  );
  return `// report.mjs: run it with \`node report.mjs\`
import { setTimeout } from "node:timers/promises";
import { connect, task } from "tidemark-client";

const tidemark = connect(${options.length > 0 ? `{ ${options.join(", ")} }` : ""});
const job = tidemark.job({ jobId: "from-node" }, task("Import"));
console.log(\`Watch it at \${job.url}\`);

await job.run(async () => {
  const rows = Array.from({ length: 100 }, (_, row) => row);
  for await (const row of job.track(rows, "read")) await setTimeout(100);
});`;
}

function python(url: string, database: string): string {
  const options = Object.entries(target(url, database)).map(
    ([name, value]) => `, ${name}=${JSON.stringify(value)}`,
  );
  return `# report.py: run it with \`python3 report.py\`
import time

import tidemark

with tidemark.job("Import", job_id="from-python"${options.join("")}) as job:
    print("Watch it at", job.url, flush=True)
    for row in job.track(range(100), "read"):
        time.sleep(0.1)`;
}

function curl(url: string, database: string, hasToken: boolean): string {
  const token = hasToken ? ` \\\n  -H "authorization: Bearer $TIDEMARK_TOKEN"` : "";
  const key = inSingleQuotes(`"database": ${JSON.stringify(database)}, "jobId": "from-curl"`);
  return `send() { curl -s ${inShell(`${url}/graphql`)} -H 'content-type: application/json'${token} -d "$1"; echo; }

send '{ "query": "mutation ($input: StoreTaskInput!) { storeTask(input: $input) { outcome } }",
  "variables": { "input": { ${key},
    "task": { "description": "Import", "volume": 10 } } } }'

for done in 1 2 3 4 5 6 7 8 9 10; do
  sleep 1
  send '{ "query": "mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { userTask { version } } }",
    "variables": { "input": { ${key},
      "updates": [{ "done": '$done', "status": "'$([ $done = 10 ] && echo FINISHED || echo RUNNING)'" }] } } }'
done`;
}

function inShell(text: string): string {
  return /^[\w@%+:,./-]+$/.test(text) ? text : `'${inSingleQuotes(text)}'`;
}

function inSingleQuotes(text: string): string {
  return text.replaceAll("'", String.raw`'\''`);
}
