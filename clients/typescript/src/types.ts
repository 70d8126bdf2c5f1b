/** Types of the client's methods, made from those of the OpenAPI document. */

import type { Client, ClientPathsWithMethod, MaybeOptionalInit, MethodResponse } from "openapi-fetch";

import type { components, paths } from "./schema.js";

/** The bodies of requests and responses by name, such as `Schemas["OwnProfileAnswer"]`. */
export type Schemas = components["schemas"];

/** The methods that the API has. */
export type Method = "get" | "post" | "delete";

/** The client does the others itself, because it keeps the tokens. */
type Called = Omit<paths, "/api/auth/signup" | "/api/auth/login" | "/api/auth/refresh" | "/api/auth/logout">;

type Fetcher = Client<Called>;

/** The paths that have this method. */
export type Path<M extends Method> = ClientPathsWithMethod<Fetcher, M>;

/** `params` and `body` of an operation, and options of `fetch` such as `signal`. */
export type Init<M extends Method, P extends Path<M>> = MaybeOptionalInit<Called[P], M>;

/** `init` may be left out if the operation needs none. */
export type Given<I> = undefined extends I ? [init?: I] : [init: I];

type Data<M extends Method, P extends Path<M>, I = {}> = MethodResponse<Fetcher, M, P, I>;

/** The body of the response. */
export type Answer<M extends Method, P extends Path<M>, I = {}> = [Data<M, P, I>] extends [never] ? void : Data<M, P, I>;

/** The paths of lists. */
export type ListPath = {
  [P in Path<"get">]: Answer<"get", P> extends { next_cursor: string | null; results: unknown[] } ? P : never;
}[Path<"get">];

/** One element of a list. */
export type Result<P extends ListPath> = Answer<"get", P> extends { results: (infer R)[] } ? R : never;

/** The filters and the ordering of a list. */
export type Query<P extends ListPath> = Called[P] extends { get: { parameters: { query?: infer Q } } }
  ? Omit<NonNullable<Q>, "cursor">
  : {};
