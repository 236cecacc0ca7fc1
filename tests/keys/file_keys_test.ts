import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { constants, createPublicKey, publicEncrypt, verify } from "node:crypto";
import { DerReader, DerTag, encodeElement } from "../../algorithms/der.ts";
import { encodeStub } from "../../algorithms/key_stub.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { Status } from "../../device/wire/status.ts";
import type { Driver } from "../../driver/mod.ts";
import { temporaryFolder } from "../../testing/files.ts";
import {
  digest,
  EC,
  KEY_FILES,
  type KeyStoreGuest,
  MESSAGE,
  publicPartOf,
  RSA,
  startKeyStoreGuest,
  writeKeys,
} from "../../testing/key_store_guest.ts";
import { RSA_PRIVATE_KEY } from "../../testing/keys.ts";
import { testOnBackends } from "../../testing/ready_backends.ts";
import { unchecked } from "../../testing/unchecked.ts";

type Parameters = Parameters_<typeof RSA> | typeof EC;
type Parameters_<T> = Omit<T, "key" | "padding" | "hash"> & {
  readonly key: Uint8Array;
  readonly padding: "raw" | "pkcs1";
  readonly hash: string;
};

/** Runs `body` as a guest of a store with both keys. */
async function withGuest(
  rules: readonly string[],
  body: (guest: KeyStoreGuest, folder: string) => Promise<void>,
): Promise<void> {
  await using folder = await temporaryFolder();
  await writeKeys(folder.path, KEY_FILES);
  await using guest = await startKeyStoreGuest(folder.path, rules, "noble");
  await body(guest, folder.path);
}

/** The status that a session is refused with. */
async function refusal(
  driver: Driver,
  parameters: Parameters,
): Promise<Status | undefined> {
  try {
    const session = await unchecked(driver).akcipher(
      parameters as Parameters_<typeof RSA>,
    );
    await session.close();
    return undefined;
  } catch (error) {
    return (error as { status: Status }).status;
  }
}

/** The status that an operation fails with. */
const failsWith = (
  operation: Promise<unknown>,
  status: Status,
): Promise<void> =>
  rejects(operation, (error: { status?: Status }) => error.status === status);

await testOnBackends(
  "a guest signs with a key of the store that it never has",
  async (backend) => {
    await using folder = await temporaryFolder();
    await writeKeys(folder.path, KEY_FILES);
    await using guest = await startKeyStoreGuest(
      folder.path,
      ["web=sign", "curve=ecdsa-sign"],
      backend,
    );
    await using rsa = await guest.driver.akcipher(RSA);
    await using ecdsa = await guest.driver.akcipher(EC);
    for (
      const [session, pem] of [
        [rsa, KEY_FILES.web],
        [ecdsa, KEY_FILES.curve],
      ] as const
    ) {
      const signature = await session.sign(digest);
      ok(verify("sha256", MESSAGE, createPublicKey(pem), signature));
      // The public half is anybody's, and no use of the key.
      await session.verify(signature, digest);
    }
    deepStrictEqual(guest.store.slotNames, ["curve", "web"]);
    deepStrictEqual(guest.counts.takeNew(0), [1, 0, 0, 0]);
    deepStrictEqual(guest.counts.takeNew(1), [1, 0, 0, 0]);
  },
  ["akcipher.rsa", "akcipher.ecdsa"],
);

Deno.test("a stub is an illegal key to a guest without a rule, as without a store", async () => {
  for (const rules of [[], ["other=raw"], ["curve=ecdsa-sign"]]) {
    await withGuest(rules, async ({ driver }) => {
      const unknown = encodeStub({
        ...publicPartOf(KEY_FILES.web) as { algorithm: "rsa" },
        modulus: crypto.getRandomValues(new Uint8Array(128)).map((byte) =>
          byte | 1
        ),
        publicExponent: Uint8Array.of(1, 0, 1),
      });
      strictEqual(
        await refusal(driver, { ...RSA, key: unknown }),
        Status.Error,
      );
      strictEqual(await refusal(driver, RSA), Status.Error);
      if (rules[0]?.startsWith("curve")) {
        strictEqual(await refusal(driver, EC), undefined);
      } else strictEqual(await refusal(driver, EC), Status.Error);
    });
  }
});

Deno.test("uses decide about padding and hash when the session is opened", async () => {
  const raw = { ...RSA, padding: "raw", hash: "none" } as const;
  const unhashed = { ...RSA, hash: "none" } as const;
  const cases: readonly (readonly [string, Parameters, boolean])[] = [
    ["sign", RSA, true],
    ["sign", raw, false],
    // A guest would choose all that is signed.
    ["sign", unhashed, false],
    ["decrypt", RSA, true],
    ["decrypt", unhashed, true],
    ["decrypt", raw, false],
    ["raw", RSA, true],
    ["raw", raw, true],
    ["raw", unhashed, true],
    ["ecdsa-sign", RSA, false],
  ];
  for (const [use, parameters, isOpened] of cases) {
    await withGuest([`web=${use}`], async ({ driver }) => {
      strictEqual(
        await refusal(driver, parameters),
        isOpened ? undefined : Status.Error,
        `${use}: ${parameters.algorithm === "rsa" && parameters.padding}`,
      );
    });
  }
});

Deno.test("uses decide about operations of a session, which are counted", async () => {
  const encrypted = new Uint8Array(publicEncrypt(
    {
      key: createPublicKey(KEY_FILES.web),
      padding: constants.RSA_PKCS1_PADDING,
    },
    MESSAGE,
  ));
  await withGuest(["web=sign"], async ({ driver, counts }) => {
    await using session = await driver.akcipher(RSA);
    await failsWith(session.decrypt(encrypted), Status.Error);
    await session.sign(digest);
    deepStrictEqual(counts.takeNew(1), [1, 0, 1, 0]);
  });
  await withGuest(["web=decrypt"], async ({ driver, counts }) => {
    await using session = await driver.akcipher(RSA);
    deepStrictEqual(await session.decrypt(encrypted), MESSAGE);
    await failsWith(session.sign(digest), Status.Error);
    deepStrictEqual(counts.takeNew(1), [0, 1, 1, 0]);
    deepStrictEqual(counts.takeNew(1), [0, 0, 0, 0]);
    deepStrictEqual(counts.totals(1), [0, 1, 1, 0]);
  });
});

Deno.test("a key is used as often in a second as its rule says", async () => {
  await withGuest(["web=sign:3/s"], async ({ driver, counts }) => {
    await using session = await driver.akcipher(RSA);
    // A second may end meanwhile, but not two.
    const outcomes = await Promise.allSettled(
      Array.from({ length: 40 }, () => session.sign(digest)),
    );
    const done = outcomes.filter(({ status }) => status === "fulfilled");
    ok(done.length >= 3 && done.length <= 6, `${done.length} signatures`);
    deepStrictEqual(counts.takeNew(1), [done.length, 0, 0, 40 - done.length]);
  });
});

/** The stub with another number in its field `index`. */
function withField(stub: Uint8Array, index: number): Uint8Array {
  const genuine = new DerReader(RSA_PRIVATE_KEY).enter(DerTag.Sequence);
  const fields = new DerReader(stub).enter(DerTag.Sequence);
  const elements: Uint8Array[] = [];
  for (let i = 0; i < 9; i++) {
    const [zero, secret] = [fields, genuine].map((reader) =>
      reader.contents(DerTag.Integer)
    );
    const contents = i === index ? secret! : zero!;
    elements.push(encodeElement(DerTag.Integer, contents));
  }
  return encodeElement(
    DerTag.Sequence,
    Uint8Array.from(elements.flatMap((element) => [...element])),
  );
}

Deno.test("what is not all stub is a key of its own, and a broken one", async () => {
  await withGuest(["web=raw", "curve=ecdsa-sign"], async ({ driver }) => {
    strictEqual(await refusal(driver, RSA), undefined);
    for (let field = 3; field < 9; field++) {
      const key = withField(RSA.key, field);
      const status = await refusal(driver, { ...RSA, key });
      strictEqual(status, Status.Error, `field ${field}`);
    }
    const broken = [
      RSA.key.subarray(1),
      RSA.key.subarray(0, -1),
      Uint8Array.of(...RSA.key, 0),
      new Uint8Array(0),
      // The public key alone has no room for a secret.
      encodeElement(DerTag.Sequence, RSA.key.subarray(4, 150)),
    ];
    for (const key of broken) {
      strictEqual(await refusal(driver, { ...RSA, key }), Status.Error);
    }
    const other = EC.key.slice();
    other[10] = 1;
    strictEqual(await refusal(driver, { ...EC, key: other }), Status.Error);
    const onOther = { ...EC, curve: "p384" } as unknown as Parameters;
    strictEqual(await refusal(driver, onOther), Status.Error);
    const asPublic = { ...EC, keyType: "public" } as unknown as Parameters;
    strictEqual(await refusal(driver, asPublic), Status.Error);
  });
});

Deno.test("whatever tells of a session has its stub alone", async () => {
  await withGuest(["web=sign"], async ({ driver, device }) => {
    const told: SessionDescription[] = [];
    device.sessions.observe({
      opened: ({ description }) => told.push(structuredClone(description)),
      closed: () => {},
    });
    await using session = await driver.akcipher(RSA);
    await session.sign(digest);
    deepStrictEqual(told.map((one) => "key" in one && one.key), [RSA.key]);
    const [kept] = device.sessions.current();
    deepStrictEqual({ ...kept!.description }, { service: "akcipher", ...RSA });
  });
});

Deno.test("when a key is gone its sessions answer ERR, and the others go on", async () => {
  await withGuest(["web=sign", "curve=ecdsa-sign"], async (guest, folder) => {
    const { driver, store } = guest;
    await using rsa = await driver.akcipher(RSA);
    await using ecdsa = await driver.akcipher(EC);
    await rsa.sign(digest);
    await Deno.remove(`${folder}/web.pem`);
    deepStrictEqual(store.reload(), { added: [], gone: ["web"] });
    await failsWith(rsa.sign(digest), Status.Error);
    strictEqual(await refusal(driver, RSA), Status.Error);
    await ecdsa.sign(digest);
    // A session that has ended stays so; a new one may begin.
    await writeKeys(folder, { web: KEY_FILES.web });
    deepStrictEqual(store.reload(), { added: ["web"], gone: [] });
    await failsWith(rsa.sign(digest), Status.Error);
    strictEqual(await refusal(driver, RSA), undefined);
    await ecdsa.sign(digest);
  });
});

Deno.test("a reload that fails changes nothing", async () => {
  await withGuest(["web=sign"], async ({ driver, store }, folder) => {
    await using session = await driver.akcipher(RSA);
    await Deno.chmod(`${folder}/curve.pem`, 0o644);
    const reload = () => store.reload();
    await rejects(
      async () => await reload(),
      /^KeyStoreError: Cannot use keys of ".*\/curve\.pem": its mode is 644: /,
    );
    await session.sign(digest);
    strictEqual(await refusal(driver, RSA), undefined);
  });
});
