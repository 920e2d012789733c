/** Three ways to report a first job to this server, ready to copy. */

export interface Snippet {
  readonly title: string;
  readonly text: string;
}

/** @param serverUrl with or without a trailing slash @param database lower-case */
export function snippetsFor(serverUrl: string, database: string): readonly Snippet[] {
  const url = serverUrl.replace(/\/$/, "");
  return [
    { title: "With curl", text: curl(url, database) },
    { title: "With the SDK in Node.js or a browser", text: sdk(url, database) },
    { title: "With tidemark run and any command", text: run(url, database) },
  ];
}

function curl(url: string, database: string): string {
  return `curl -s ${url}/graphql -H 'content-type: application/json' -d '{
  "query": "mutation ($input: StoreTaskInput!) { storeTask(input: $input) { outcome } }",
  "variables": { "input": { "database": "${database}", "username": "alice", "jobId": "import-1",
    "task": { "description": "Import", "volume": 1000 } } } }'

curl -s ${url}/graphql -H 'content-type: application/json' -d '{
  "query": "mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { userTask { version } } }",
  "variables": { "input": { "database": "${database}", "username": "alice", "jobId": "import-1",
    "updates": [{ "done": 420, "message": "people.csv" }] } } }'`;
}

function sdk(url: string, database: string): string {
  return `import { connect, leaf, task } from "tidemark-client";

const tidemark = connect({ url: "${url}", database: "${database}" });
const job = tidemark.job({ jobId: "import-2" }, task("Import", leaf("read", { volume: 500 })));

await job.run((root) =>
  root.run("read", async (read) => {
    for (let row = 0; row < 500; row++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      read.advance();
    }
  }),
);`;
}

function run(url: string, database: string): string {
  return `tidemark run --url ${url} --database ${database} --name backup -- \\
  rsync -a --info=progress2 src/ backup/`;
}
