/**
 * A program in another folder than the tests that use it.
 *
 * @module
 */

import { createDevice } from "../mod.ts";

/** A device of a backend whose path is right for this file alone. */
export const deviceOfHere = () =>
  createDevice({ backends: ["../examples/custom_backend.ts"] });
