/**
 * The rooms of src/ and what each may import: itself, and what is listed; always downwards. Checked by
 * test/rooms.test.ts. Imports of types count like any other: what a room knows is the rule, not what it loads.
 */
const ROOMS = {
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

/** Packages that live in few places, as expressions over what follows src/. */
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
  lmdb: "journal/",
  "fs-native-extensions": "journal/",
  preact: "web/",
  "@preact/signals": "web/",
  uplot: "web/",
};

const roomRules = Object.entries(ROOMS).map(([room, below]) => ({
  name: `${room}-imports-only-what-is-below`,
  severity: "error",
  from: { path: `^src/${room}/` },
  to: { path: "^src/", pathNot: `^src/(${[room, ...below].join("|")})(/|\\.ts$)` },
}));

const packageRules = Object.entries(PACKAGES).map(([name, homes]) => ({
  name: `${name}-stays-at-home`,
  severity: "error",
  from: { path: "^src/", pathNot: `^src/${homes}` },
  to: { path: `node_modules/(@types/)?${name}/` },
}));

module.exports = {
  forbidden: [
    ...roomRules,
    ...packageRules,
    {
      name: "every-room-is-listed",
      severity: "error",
      from: { path: "^src/[^/]+/", pathNot: `^src/(${Object.keys(ROOMS).join("|")})/` },
      to: {},
    },
    {
      name: "pure-rooms-import-no-package",
      severity: "error",
      from: { path: "^src/(protocol|format|tasks)/" },
      to: { path: "node_modules/" },
    },
    {
      name: "pure-rooms-import-no-builtin",
      severity: "error",
      from: { path: "^src/(protocol|format|tasks)/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "nobody-imports-main",
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
        pathNot: "^src/((main|index)\\.ts$|web/main\\.tsx$|client/generated/)|\\.d\\.ts$",
      },
      to: {},
    },
    {
      name: "every-import-is-found",
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
