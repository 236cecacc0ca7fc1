/**
 * The deadly backend on a lane: a request ends the process when it has been copied
 * and its queue goes on.
 *
 * @module
 */

import type { OperationsBackend } from "../backends/backend.ts";
import deadly from "./deadly_backend.ts";

const backend: OperationsBackend = {
  ...deadly,
  name: "deadly-lane",
  runs: "blocking",
};

export default backend;
