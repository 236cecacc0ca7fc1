import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type PublicPart, publicPartName } from "../../algorithms/key_stub.ts";
import { KEY_SLOTS } from "./key_counts.ts";
import { KeyStoreError, type StoredKey } from "./key_source.ts";
import { KeyStore } from "./key_store.ts";
import { KeyKind, VaultReader } from "./key_vault.ts";

const part = (number: number): PublicPart => ({
  algorithm: "rsa",
  modulus: Uint8Array.of(1, number >> 8, number & 255, 7),
  publicExponent: Uint8Array.of(3),
});

const key = (name: string, number: number): StoredKey => ({
  name,
  part: part(number),
  kind: KeyKind.File,
  secret: new TextEncoder().encode(`secret of ${name}`),
});

/** A source whose keys a test changes. */
function source(...keys: StoredKey[]) {
  const own = { name: "a test", keys, given: [] as StoredKey[] };
  return {
    own,
    name: own.name,
    read: () => {
      own.given = own.keys.map((one) => ({
        ...one,
        secret: one.secret.slice(),
      }));
      return own.given;
    },
  };
}

const vaultOf = (store: KeyStore) => store.forGuest([]).settings.vault;

const holds = (memory: SharedArrayBuffer, text: string) =>
  Buffer.from(new Uint8Array(memory)).includes(text);

Deno.test("a store keeps the keys that are wanted, and knows the names of all", () => {
  const from = source(key("a", 1), key("b", 2), key("c", 3));
  const store = new KeyStore([from], new Set(["b", "d"]));
  deepStrictEqual(store.names, ["a", "b", "c"]);
  const memory = vaultOf(store);
  ok(holds(memory, "secret of b"));
  ok(!holds(memory, "secret of a"));
  deepStrictEqual(store.describe("b"), { algorithm: "rsa", isInToken: false });
  strictEqual(store.describe("a"), undefined);
  // What was read is wiped, kept or not.
  ok(from.own.given.every(({ secret }) => secret.every((byte) => byte === 0)));
  from.own.keys.push(key("d", 4));
  deepStrictEqual(store.reload(), { added: ["d"], gone: [] });
  store.close();
  ok(!holds(memory, "secret of"));
});

Deno.test("a name that stands for another key is one gone and one new", () => {
  const from = source(key("a", 1), key("b", 2));
  const store = new KeyStore([from]);
  const told: string[] = [];
  const stop = store.forGuest([]).observe(() => told.push("changed"));
  from.own.keys = [key("a", 9), key("b", 2)];
  deepStrictEqual(store.reload(), { added: ["a"], gone: ["a"] });
  const reader = new VaultReader(vaultOf(store));
  strictEqual(reader.find(publicPartName(part(1))), undefined);
  // Each key that there has been is counted by itself.
  strictEqual(reader.find(publicPartName(part(9)))!.slot, 2);
  deepStrictEqual(store.slotNames, ["a", "b", "a"]);
  stop();
  store.reload();
  deepStrictEqual(told, ["changed"]);
});

Deno.test("a source that cannot be used changes nothing, and leaves nothing", () => {
  const from = source(key("a", 1));
  const store = new KeyStore([from]);
  from.own.keys = [key("a", 1), key("a", 2)];
  throws(() => store.reload(), KeyStoreError);
  ok(from.own.given.every(({ secret }) => secret.every((byte) => byte === 0)));
  deepStrictEqual(store.names, ["a"]);
  ok(holds(vaultOf(store), "secret of a"));
  from.own.keys = Array.from(
    { length: KEY_SLOTS + 1 },
    (_, i) => key(`key ${i}`, i),
  );
  throws(
    () => store.reload(),
    /RangeError: Cannot count the uses of more than/,
  );
  ok(holds(vaultOf(store), "secret of a"));
  deepStrictEqual(store.describe("a"), { algorithm: "rsa", isInToken: false });
  deepStrictEqual(store.names, ["a"]);
  // Nor does it use up what there is of slots.
  from.own.keys = [key("a", 1), key("b", 2)];
  deepStrictEqual(store.reload(), { added: ["b"], gone: [] });
  deepStrictEqual(store.slotNames, ["a", "b"]);
});
