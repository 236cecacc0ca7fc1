import { deepStrictEqual, match, ok } from "node:assert/strict";
import { inspect } from "node:util";
import { legalSessions } from "../testing/valid_requests.ts";
import {
  copyDescription,
  hideKeys,
  keysOf,
  wipeKeys,
} from "./session_description.ts";

Deno.test("a copy has keys of its own, and is else the same", () => {
  for (const description of legalSessions()) {
    const copy = copyDescription(description);
    deepStrictEqual(copy, description);
    wipeKeys(description);
    for (const [i, key] of keysOf(copy).entries()) {
      ok(key !== keysOf(description)[i]);
      ok(key.length === 0 || key.some((byte) => byte !== 0));
    }
  }
});

Deno.test("wiping leaves nothing of any key of a session", () => {
  for (const description of legalSessions()) {
    wipeKeys(description);
    const { service } = description;
    const keys = service === "hash"
      ? []
      : service === "chain"
      ? [description.cipher.key, description.authKey]
      : [description.key];
    ok(keys.every((key) => key.every((byte) => byte === 0)), service);
  }
});

Deno.test("text made of a session shows the lengths of its keys and no more", () => {
  for (const description of legalSessions()) {
    for (const key of keysOf(description)) key.fill(0xa5);
    const hidden = { session: [hideKeys(description)] };
    const options = { depth: Infinity, iterableLimit: Infinity };
    for (const text of [Deno.inspect(hidden, options), inspect(hidden)]) {
      ok(!/165|a5/.test(text), text);
      if (description.service !== "hash") match(text, /\d+ bytes \(hidden\)/);
    }
  }
});
