import assert from "node:assert/strict";
import settings from "../deno.json" with { type: "json" };
import { VERSION } from "./version.ts";

Deno.test("the program's version is the repository's", () => {
  assert.equal(VERSION, settings.version);
});
