/** The parts of `oidc-provider` that the tests use; the package has no types. */
declare module "oidc-provider" {
  import type { RequestListener } from "node:http";

  export class Provider {
    constructor(issuer: string, configuration: object);
    callback(): RequestListener;
    readonly Client: {
      readonly prototype: {
        redirectUriAllowed(uri: string): boolean;
        postLogoutRedirectUriAllowed(uri: string): boolean;
      };
    };
  }
}

declare module "oidc-provider/lib/adapters/memory_adapter.js" {
  /** A store that several instances of one provider may share. */
  export function createMemoryAdapter(): (model: string) => object;
}
