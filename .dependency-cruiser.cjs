/**
 * The directories of src/. Each may import itself and the directories listed for it, which are all below it. Type imports
 * count too. test/structure.test.ts checks the rules.
 */
const DIRECTORIES = {
  protocol: [],
  format: [],
  util: [],
  tasks: ["protocol", "util"],
  journal: ["tasks", "protocol", "util"],
  store: ["journal", "tasks", "protocol", "util"],
  hub: ["store", "journal", "tasks", "protocol", "util"],
  auth: ["store", "journal", "tasks", "protocol", "util"],
  config: ["auth", "tasks", "protocol", "util"],
  graphql: ["auth", "hub", "store", "journal", "tasks", "protocol", "util"],
  demo: ["store", "tasks", "protocol", "util"],
  server: ["demo", "graphql", "auth", "hub", "store", "journal", "tasks", "protocol", "util"],
  client: ["protocol"],
  cli: ["client", "format", "protocol", "util", "config"],
  web: ["client", "format", "protocol"],
};

/** Where a package may be imported: a regular expression for the path below src/. */
const PACKAGES = {
  "async-mutex": "util/",
  graphql: "(graphql|server)/",
  jose: "auth/",
  "@pothos/core": "graphql/",
  "graphql-yoga": "server/",
  "@graphql-yoga/render-graphiql": "server/",
  "graphql-ws": "server/",
  ws: "(server|client)/",
  pino: "(server/|(app|main)\\.ts$)",
  lmdb: "journal/lmdb/",
  pg: "journal/postgres/",
  "fs-native-extensions": "journal/",
  "oidc-client-ts": "web/",
  react: "client/react/",
  preact: "web/",
  "@preact/signals": "web/",
  uplot: "web/",
};

const directoryRules = Object.entries(DIRECTORIES).map(([directory, below]) => ({
  name: `${directory}-imports-only-directories-below`,
  severity: "error",
  from: { path: `^src/${directory}/` },
  to: { path: "^src/", pathNot: `^src/(${[directory, ...below].join("|")})(/|\\.ts$)` },
}));

const packageRules = Object.entries(PACKAGES).map(([name, path]) => ({
  name: `${name}-is-imported-only-where-allowed`,
  severity: "error",
  from: { path: "^src/", pathNot: `^src/${path}` },
  to: { path: `node_modules/(@types/)?${name}/` },
}));

module.exports = {
  forbidden: [
    ...directoryRules,
    ...packageRules,
    {
      name: "every-directory-is-listed",
      severity: "error",
      from: { path: "^src/[^/]+/", pathNot: `^src/(${Object.keys(DIRECTORIES).join("|")})/` },
      to: {},
    },
    {
      name: "pure-directories-import-no-package",
      severity: "error",
      from: { path: "^src/(protocol|format|tasks)/" },
      to: { path: "node_modules/" },
    },
    {
      name: "pure-directories-import-no-builtin",
      severity: "error",
      from: { path: "^src/(protocol|format|tasks)/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "main-is-not-imported",
      severity: "error",
      from: {},
      to: { path: "^src/main\\.ts$" },
    },
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-orphans",
      severity: "error",
      from: {
        orphan: true,
        pathNot: "^src/((main|index|client/browser-only)\\.ts$|web/main\\.tsx$|client/generated/)|\\.d\\.ts$",
      },
      to: {},
    },
    {
      name: "every-import-resolves",
      severity: "error",
      from: { pathNot: "^src/client/generated/" },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["node", "import", "default"],
    },
  },
};
