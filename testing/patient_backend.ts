/**
 * The promising backend with nearly no deadline.
 *
 * @module
 */

import type { AsynchronousBackend } from "../backends/backend.ts";
import promising from "./promising_backend.ts";

const patient: AsynchronousBackend = {
  ...promising,
  name: "patient",
  deadlineMs: 60_000,
};

export default patient;
