// Made from the OpenAPI document by `make clients`. Do not edit.

/** Operations that need no token. */
export const ANONYMOUS = new Set<string>([
  "get /api/v1/results",
  "get /api/v1/results/file",
  "get /api/v1/voting",
]);
