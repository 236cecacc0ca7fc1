import { strictEqual, throws } from "node:assert/strict";
import { createHash, generateKeyPairSync, sign, verify } from "node:crypto";
import {
  decodeEcdsaSignature,
  encodeEcdsaSignature,
} from "../../algorithms/ec_key.ts";
import { type Curve, CURVES } from "../../algorithms/public_key.ts";
import type { EcdsaSession } from "../../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../backend.ts";
import { CONTIGUOUS, Job, runJobs } from "../../conformance/operations.ts";
import { ecdsaOver } from "./curves.ts";
import noble from "./noble.ts";
import { hex, LAYOUTS, random, run } from "../../testing/noble_requests.ts";

const session = (
  curve: Curve["name"],
  keyType: "public" | "private",
  key: Uint8Array,
): EcdsaSession => ({
  service: "akcipher",
  algorithm: "ecdsa",
  keyType,
  key,
  curve,
});

function ecdsa(
  description: EcdsaSession,
  kind: OperationKind,
  source: Uint8Array,
  additionalData: Uint8Array = new Uint8Array(0),
  destinationBytes = kind === OperationKind.Verify ? 0 : 160,
) {
  return run(
    description,
    { kind, source, additionalData, destinationBytes },
    random.pick(LAYOUTS),
  );
}

/** ECPrivateKey without its optional parts. */
const privateDer = (scalar: Uint8Array): Uint8Array =>
  Uint8Array.of(
    0x30,
    5 + scalar.length,
    ...[0x02, 1, 1, 0x04, scalar.length],
    ...scalar,
  );

/** RFC 6979 §A.2.3 to §A.2.7: message "sample". */
const KNOWN_ANSWERS = [
  {
    curve: "p192",
    hash: "sha256",
    scalar: "6fab034934e4c0fc9ae67f5b5659a9d7d1fefd187ee09fd4",
    r: 0x4b0b8ce98a92866a2820e20aa6b75b56382e0f9bfd5ecb55n,
    s: 0xccdb006926ea9565cbadc840829d8c384e06de1f1e381b85n,
  },
  {
    curve: "p224",
    hash: "sha256",
    scalar: "f220266e1105bfe3083e03ec7a3a654651f45e37167e88600bf257c1",
    r: 0x61aa3da010e8e8406c656bc477a7a7189895e7e840cdfe8ff42307ban,
    s: 0xbc814050dab5d23770879494f9e0a680dc1af7161991bde692b10101n,
  },
  {
    curve: "p256",
    hash: "sha256",
    scalar: "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
    r: 0xefd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716n,
    s: 0xf7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8n,
  },
  {
    curve: "p384",
    hash: "sha384",
    scalar: "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8" +
      "96d5724e4c70a825f872c9ea60d2edf5",
    r: 0x94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46n,
    s: 0x99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8n,
  },
  {
    curve: "p521",
    hash: "sha512",
    scalar: "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75" +
      "caa896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
    r: 0x00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fan,
    s: 0x00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67an,
  },
] as const;

for (const { curve, hash, scalar, r, s } of KNOWN_ANSWERS) {
  Deno.test(`ECDSA over ${curve} gives the known answer of RFC 6979`, () => {
    const digest = new Uint8Array(createHash(hash).update("sample").digest());
    const secret = session(curve, "private", privateDer(hex(scalar)));
    const { status, destination } = ecdsa(secret, OperationKind.Sign, digest);
    strictEqual(status, OperationStatus.Ok);
    strictEqual(
      destination.toHex(),
      encodeEcdsaSignature({ r, s }).toHex(),
    );
    const point = ecdsaOver(curve).getPublicKey(hex(scalar), false);
    const verified = [
      ecdsa(secret, OperationKind.Verify, destination, digest),
      ecdsa(
        session(curve, "public", point),
        OperationKind.Verify,
        destination,
        digest,
      ),
      ecdsa(
        session(
          curve,
          "public",
          ecdsaOver(curve).getPublicKey(hex(scalar), true),
        ),
        OperationKind.Verify,
        destination,
        digest,
      ),
    ];
    for (const result of verified) {
      strictEqual(result.status, OperationStatus.Ok);
    }
  });
}

const NODE_CURVES = {
  p224: "secp224r1",
  p256: "prime256v1",
  p384: "secp384r1",
};

Deno.test("ECDSA agrees with node:crypto, with digests longer and shorter than the order", () => {
  for (const [name, namedCurve] of Object.entries(NODE_CURVES)) {
    const curve = name as keyof typeof NODE_CURVES;
    const pair = generateKeyPairSync("ec", { namedCurve });
    const der = pair.privateKey.export({ format: "der", type: "sec1" });
    const spki = pair.publicKey.export({ format: "der", type: "spki" });
    const { fieldBytes } = CURVES.find((entry) => entry.name === curve)!;
    const point = new Uint8Array(spki.subarray(-(1 + 2 * fieldBytes)));
    const secret = session(curve, "private", new Uint8Array(der));
    const open = session(curve, "public", point);
    for (const hash of ["sha256", "sha384", "sha512"]) {
      const message = random.bytes(40);
      const digest = new Uint8Array(createHash(hash).update(message).digest());
      const own = ecdsa(secret, OperationKind.Sign, digest).destination;
      strictEqual(verify(hash, message, pair.publicKey, own), true);
      const theirs = new Uint8Array(sign(hash, message, pair.privateKey));
      strictEqual(
        ecdsa(open, OperationKind.Verify, theirs, digest).status,
        OperationStatus.Ok,
      );
    }
  }
});

Deno.test("a wrong signature is rejected, whatever is wrong with it", () => {
  for (const { curve, scalar } of KNOWN_ANSWERS) {
    const secret = session(curve, "private", privateDer(hex(scalar)));
    const digest = random.bytes(32);
    const { destination } = ecdsa(secret, OperationKind.Sign, digest);
    const { r, s } = decodeEcdsaSignature(destination);
    const { ORDER } = ecdsaOver(curve).Point.Fn;
    const wrong = [
      encodeEcdsaSignature({ r: s, s: r }),
      encodeEcdsaSignature({ r: 0n, s }),
      encodeEcdsaSignature({ r, s: 0n }),
      encodeEcdsaSignature({ r: r + ORDER, s }),
      encodeEcdsaSignature({ r, s: s + ORDER }),
      new Uint8Array([...destination, 0]),
      destination.subarray(0, -1),
      new Uint8Array(0),
      random.bytes(400),
    ];
    for (const signature of wrong) {
      strictEqual(
        ecdsa(secret, OperationKind.Verify, signature, digest).status,
        OperationStatus.KeyRejected,
      );
    }
    digest[0]! ^= 1;
    strictEqual(
      ecdsa(secret, OperationKind.Verify, destination, digest).status,
      OperationStatus.KeyRejected,
    );
  }
});

Deno.test("an empty digest is the number zero, and a longer one is cut", () => {
  const { scalar } = KNOWN_ANSWERS[2];
  const secret = session("p256", "private", privateDer(hex(scalar)));
  const signed = (digest: Uint8Array) =>
    ecdsa(secret, OperationKind.Sign, digest).destination.toHex();
  strictEqual(signed(new Uint8Array(0)), signed(new Uint8Array(32)));
  const long = random.bytes(20_000);
  strictEqual(signed(long), signed(long.subarray(0, 32)));
});

Deno.test("only a private key signs, into enough room, and nothing enciphers", () => {
  const { scalar } = KNOWN_ANSWERS[2];
  const secret = session("p256", "private", privateDer(hex(scalar)));
  const point = ecdsaOver("p256").getPublicKey(hex(scalar), false);
  const open = session("p256", "public", point);
  const data = random.bytes(32);
  const statusOf = (
    description: EcdsaSession,
    kind: OperationKind,
    room?: number,
  ) => ecdsa(description, kind, data, undefined, room).status;
  strictEqual(statusOf(open, OperationKind.Sign), OperationStatus.Unsupported);
  strictEqual(
    statusOf(secret, OperationKind.Encrypt),
    OperationStatus.Unsupported,
  );
  strictEqual(
    statusOf(secret, OperationKind.Decrypt),
    OperationStatus.Unsupported,
  );
  strictEqual(statusOf(secret, OperationKind.Sign, 60), OperationStatus.Failed);
});

Deno.test("a key that is none is refused when the session is opened", () => {
  const thread = noble.open({});
  for (const { name, fieldBytes } of CURVES) {
    const { BASE, Fn } = ecdsaOver(name).Point;
    const good = BASE.toBytes(false);
    const beside = good.slice();
    beside[beside.length - 1]! ^= 1;
    const points = [
      beside,
      good.subarray(1),
      Uint8Array.of(0),
      new Uint8Array(0),
      new Uint8Array([6, ...good.subarray(1)]),
      new Uint8Array([4, ...new Uint8Array(2 * fieldBytes).fill(0xff)]),
      new Uint8Array([4, ...new Uint8Array(2 * fieldBytes)]),
    ];
    for (const point of points) {
      throws(() => thread.openSession(session(name, "public", point)), name);
    }
    thread.openSession(session(name, "public", good));
    const scalars = [new Uint8Array(fieldBytes), Fn.toBytes(Fn.ORDER - 1n)];
    throws(() =>
      thread.openSession(session(name, "private", privateDer(scalars[0]!)))
    );
    thread.openSession(session(name, "private", privateDer(scalars[1]!)));
    const order = hex(
      Fn.ORDER.toString(16).padStart(2 * fieldBytes, "0"),
    );
    throws(() =>
      thread.openSession(session(name, "private", privateDer(order)))
    );
  }
  thread.close();
});

Deno.test("a private key with somebody else's public key is refused", () => {
  const pair = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const der = new Uint8Array(
    pair.privateKey.export({ format: "der", type: "sec1" }),
  );
  const thread = noble.open({});
  thread.openSession(session("p256", "private", der));
  const foreign = ecdsaOver("p256").Point.BASE.toBytes(false);
  der.set(foreign, der.length - foreign.length);
  throws(
    () => thread.openSession(session("p256", "private", der)),
    /not its own/,
  );
  thread.close();
});

Deno.test("a closed session signs nothing", () => {
  for (const { curve, scalar } of KNOWN_ANSWERS) {
    const thread = noble.open({});
    const key = privateDer(hex(scalar));
    const opened = thread.openSession(session(curve, "private", key));
    const request = {
      kind: OperationKind.Sign,
      source: random.bytes(32),
      destinationBytes: 160,
      digestBytes: 0,
    };
    const sign = () => {
      const job = new Job(request, opened, CONTIGUOUS, random);
      runJobs(thread, [job]);
      return job.operation.status;
    };
    strictEqual(sign(), OperationStatus.Ok, curve);
    thread.closeSession(opened);
    strictEqual(sign(), OperationStatus.Failed, curve);
    thread.close();
  }
});
