import { deepStrictEqual } from "node:assert/strict";
import type { Fallback } from "../device/session/placement.ts";
import type { ProbedBackend } from "../backends/probe.ts";
import { parseServeOptions } from "./parse_options.ts";
import { ipsecMbRules, qatRules } from "./socket_device.ts";

function backend(name: string, ready = true): ProbedBackend {
  return {
    backend: { contract: 1, name, probe: () => probe, open: () => never() },
    specifier: name,
    options: {},
    probe: { ready, version: "", offers: [], missing: [], notOffered: {} },
  };
}
const never = (): never => {
  throw new Error("A test of rules opens nothing");
};
const probe = {
  ready: true,
  version: "",
  offers: [],
  missing: [],
  notOffered: {},
};

function rules(
  backends: readonly ProbedBackend[],
  fallback: Fallback,
  ...words: string[]
): string[] {
  const request = parseServeOptions(["--socket-path", "/x", ...words]);
  if (request.action !== "serve") throw new Error("expected serve");
  const socket = { ...request.settings.general, fallback };
  return qatRules(socket, backends, request.settings)
    .map(({ text }) => text);
}

Deno.test("small symmetric requests go to the backend listed after qat", () => {
  const both = [backend("qat"), backend("openssl")];
  deepStrictEqual(rules(both, "unsupported"), [
    "cipher<2048=openssl",
    "hash<2048=openssl",
    "mac<2048=openssl",
    "aead<2048=openssl",
  ]);
  deepStrictEqual(
    rules(both, "failure", "--qat-min-bytes", "512")[0],
    "cipher<512=openssl",
  );
});

Deno.test("without another backend, a fallback or a limit everything goes to qat", () => {
  const both = [backend("qat"), backend("openssl")];
  deepStrictEqual(rules([backend("qat")], "unsupported"), []);
  deepStrictEqual(rules(both, "never"), []);
  deepStrictEqual(rules(both, "unsupported", "--qat-min-bytes", "0"), []);
  deepStrictEqual(rules([backend("openssl")], "unsupported"), []);
  const absent = [backend("qat", false), backend("openssl")];
  deepStrictEqual(rules(absent, "unsupported"), []);
});

Deno.test("requests longer than a lane go to the backend listed after ipsec-mb", () => {
  const request = parseServeOptions(["--socket-path", "/x"]);
  if (request.action !== "serve") throw new Error("expected serve");
  const { general } = request.settings;
  const texts = (fallback: Fallback, ...names: string[]) =>
    ipsecMbRules({ ...general, fallback }, names.map((name) => backend(name)))
      .map(({ text }) => text);
  deepStrictEqual(texts("unsupported", "ipsec-mb", "openssl"), [
    "cipher.aes-cbc>=65536=openssl",
    "cipher.aes-ecb>=65536=openssl",
    "hash>=65536=openssl",
    "mac>=65536=openssl",
  ]);
  deepStrictEqual(texts("never", "ipsec-mb", "openssl"), []);
  deepStrictEqual(texts("failure", "openssl", "ipsec-mb"), []);
});
