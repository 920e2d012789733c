/**
 * The simplest client of the API: one POST an operation over a real socket.
 *
 *     const client = new GraphqlClient(server.url);
 *     const { taskCount } = await client.data<{ taskCount: number }>(`{ taskCount(database: "neo4j") }`);
 *     await expect(client.data(`{ node(id: "x") { id } }`)).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
 */
export class GraphqlClient {
  readonly #endpoint: string;

  /** @param url where the server listens, without a path. */
  constructor(url: string) {
    this.#endpoint = `${url}/graphql`;
  }

  /** The data of an operation without errors. @throws GraphqlRefusal */
  async data<T>(query: string, variables?: Variables): Promise<T> {
    const { data, errors } = await this.ask<T>(query, variables);
    if (errors.length > 0 || !data) throw new GraphqlRefusal(errors);
    return data;
  }

  /** The complete answer, including errors. */
  ask<T>(query: string, variables?: Variables): Promise<GraphqlResponse<T>> {
    return this.post<T>(JSON.stringify({ query, variables }));
  }

  /** The answer to a body that may not be a GraphQL request. */
  async post<T>(body: string, contentType = "application/json"): Promise<GraphqlResponse<T>> {
    const response = await fetch(this.#endpoint, {
      method: "POST",
      headers: { "Content-Type": contentType, Accept: "application/graphql-response+json" },
      body,
    });
    const text = await response.text();
    // Safe: the test that names `T` has written the query.
    const { data, errors = [] } = JSON.parse(text) as { data?: T | null; errors?: GraphqlError[] };
    return { status: response.status, data, errors, text };
  }
}

export type Variables = Readonly<Record<string, unknown>>;

export interface GraphqlResponse<T> {
  /** The HTTP status. */
  readonly status: number;
  /** undefined if nothing was executed. */
  readonly data: T | null | undefined;
  readonly errors: readonly GraphqlError[];
  /** The raw body. */
  readonly text: string;
}

export interface GraphqlError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: Readonly<Record<string, unknown>> & { readonly code: string };
}

/** An error of the server, with the message and code of the first one. */
class GraphqlRefusal extends Error {
  override readonly name = "GraphqlRefusal";
  readonly errors: readonly GraphqlError[];

  constructor(errors: readonly GraphqlError[]) {
    super(errors[0]?.message ?? "The answer has no data and no errors.");
    this.errors = errors;
  }

  get code(): string | undefined {
    return this.errors[0]?.extensions.code;
  }

  /** For LIMIT_EXCEEDED: the setting that was exceeded. */
  get limit(): unknown {
    return this.errors[0]?.extensions["limit"];
  }
}
