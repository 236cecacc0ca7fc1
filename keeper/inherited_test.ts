import { deepStrictEqual, throws } from "node:assert/strict";
import { inheritedDescriptors } from "./inherited.ts";

const of = (environment: Record<string, string>) =>
  inheritedDescriptors({ LISTEN_PID: "7", ...environment }, 7);

Deno.test("descriptors begin at 3 and have the names in their order", () => {
  deepStrictEqual(of({ LISTEN_FDS: "2", LISTEN_FDNAMES: "a:vdc.0.conn" }), [
    { fd: 3, name: "a" },
    { fd: 4, name: "vdc.0.conn" },
  ]);
});

Deno.test("descriptors without names are unknown, as systemd calls them", () => {
  deepStrictEqual(of({ LISTEN_FDS: "1" }), [{ fd: 3, name: "unknown" }]);
});

Deno.test("what was meant for another process is not taken", () => {
  deepStrictEqual(of({ LISTEN_FDS: "1", LISTEN_PID: "8" }), []);
  deepStrictEqual(inheritedDescriptors({ LISTEN_FDS: "1" }, 7), []);
  deepStrictEqual(of({}), []);
});

Deno.test("an environment that contradicts itself is refused", () => {
  throws(
    () => of({ LISTEN_FDS: "-1" }),
    /LISTEN_FDS "-1": expected a number of descriptors/,
  );
  throws(
    () => of({ LISTEN_FDS: "99999999999" }),
    /LISTEN_FDS "99999999999": expected/,
  );
  throws(
    () => of({ LISTEN_FDS: "2", LISTEN_FDNAMES: "a" }),
    /LISTEN_FDNAMES with 1 names: expected LISTEN_FDS, 2, of them/,
  );
});
