/** A client of inviting_app. See README.md in the project's folder `clients`. */

export { Client, type Options } from "./client.js";
export { Problem, type ProblemCode, type ProblemMembers } from "./problem.js";
export type { Store } from "./store.js";
export type { Schemas } from "./types.js";
