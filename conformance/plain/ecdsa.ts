/**
 * ECDSA on the NIST curves with integers of the language (FIPS 186-4 §6),
 * slow and in the open.
 *
 * @module
 */

import { toHex } from "../../algorithms/hex.ts";
import type { Curve } from "../../algorithms/public_key.ts";
import type { EcdsaSession } from "../../algorithms/session_description.ts";
import {
  element,
  INTEGER,
  integerElement,
  OCTET_STRING,
  readSequence,
  SEQUENCE,
  toInteger,
} from "./der.ts";
import { power } from "./rsa.ts";

/** y² = x³ - 3x + b over the prime `p`, with base point and its order. */
interface Parameters {
  readonly p: bigint;
  readonly b: bigint;
  readonly n: bigint;
  readonly base: Point;
}

/** Jacobian coordinates: (x/z², y/z³); z = 0 is the neutral element. */
interface Point {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
}

const curve = (p: bigint, n: bigint, b: string, x: string, y: string) => ({
  p,
  n,
  b: BigInt(`0x${b}`),
  base: { x: BigInt(`0x${x}`), y: BigInt(`0x${y}`), z: 1n },
});

/** FIPS 186-4 §D.1.2. */
const CURVES: Readonly<Record<Curve["name"], Parameters>> = {
  p192: curve(
    2n ** 192n - 2n ** 64n - 1n,
    2n ** 192n - 0x662107c9eb94364e4b2dd7cfn,
    "64210519e59c80e70fa7e9ab72243049feb8deecc146b9b1",
    "188da80eb03090f67cbf20eb43a18800f4ff0afd82ff1012",
    "7192b95ffc8da78631011ed6b24cdd573f977a11e794811",
  ),
  p224: curve(
    2n ** 224n - 2n ** 96n + 1n,
    2n ** 224n - 0xe95d1f470fc1ec22d6baa3a3d5c3n,
    "b4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4",
    "b70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21",
    "bd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34",
  ),
  p256: curve(
    2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    2n ** 256n - 2n ** 224n + 2n ** 192n -
      0x4319055258e8617b0c46353d039cdaafn,
    "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
  ),
  p384: curve(
    2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    2n ** 384n - 0x389cb27e0bc8d220a7e5f24db74f58851313e695333ad68dn,
    "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
    "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
    "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
  ),
  p521: curve(
    2n ** 521n - 1n,
    2n ** 521n -
      0x5ae79787c40d069948033feb708f65a2fc44a36477663b851449048e16ec79bf7n,
    "51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
    "c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
    "11839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
  ),
};

const modulo = (value: bigint, m: bigint) => ((value % m) + m) % m;
const inverse = (value: bigint, prime: bigint) =>
  power(modulo(value, prime), prime - 2n, prime);

function double({ p }: Parameters, { x, y, z }: Point): Point {
  const slope = 3n * (x - z * z) * (x + z * z);
  const s = 4n * x * y * y % p;
  const x3 = modulo(slope * slope - 2n * s, p);
  const y3 = modulo(slope * (s - x3) - 8n * y ** 4n, p);
  return { x: x3, y: y3, z: modulo(2n * y * z, p) };
}

function add(parameters: Parameters, a: Point, b: Point): Point {
  const { p } = parameters;
  if (a.z === 0n) return b;
  if (b.z === 0n) return a;
  const u = modulo(a.x * b.z ** 2n, p);
  const s = modulo(a.y * b.z ** 3n, p);
  const h = modulo(b.x * a.z ** 2n - u, p);
  const r = modulo(b.y * a.z ** 3n - s, p);
  if (h === 0n) {
    return r === 0n ? double(parameters, a) : { x: 1n, y: 1n, z: 0n };
  }
  const x = modulo(r * r - h ** 3n - 2n * u * h * h, p);
  return {
    x,
    y: modulo(r * (u * h * h - x) - s * h ** 3n, p),
    z: modulo(h * a.z * b.z, p),
  };
}

function multiply(
  parameters: Parameters,
  point: Point,
  scalar: bigint,
): Point {
  let sum: Point = { x: 1n, y: 1n, z: 0n };
  for (const bit of scalar.toString(2)) {
    sum = double(parameters, sum);
    if (bit === "1") sum = add(parameters, sum, point);
  }
  return sum;
}

/** The affine x coordinate, modulo the order. */
function xModuloOrder({ p, n }: Parameters, point: Point): bigint {
  return modulo(point.x * inverse(point.z ** 2n, p), p) % n;
}

/** The leftmost bits of the digest, as many as the order has (§6.4). */
function toScalar(digest: Uint8Array, { n }: Parameters): bigint {
  const surplusBits = digest.length * 8 - n.toString(2).length;
  const value = toInteger(digest);
  return surplusBits > 0 ? value >> BigInt(surplusBits) : value;
}

/** A root of `square` modulo the prime `p` (Tonelli and Shanks). */
function squareRoot(square: bigint, p: bigint): bigint | undefined {
  let odd = p - 1n;
  let twos = 0n;
  for (; odd % 2n === 0n; odd /= 2n) twos++;
  let nonResidue = 2n;
  while (power(nonResidue, (p - 1n) / 2n, p) === 1n) nonResidue++;
  let factor = power(nonResidue, odd, p);
  let root = power(square, (odd + 1n) / 2n, p);
  let rest = power(square, odd, p);
  while (rest !== 1n) {
    let order = 0n;
    for (let r = rest; r !== 1n; r = r * r % p) {
      if (++order >= twos) return undefined;
    }
    const step = power(factor, 2n ** (twos - order - 1n), p);
    [twos, factor] = [order, step * step % p];
    [root, rest] = [root * step % p, rest * factor % p];
  }
  return root;
}

/** SEC 1 §2.3.4. */
function readPoint({ p, b }: Parameters, bytes: Uint8Array): Point {
  const fieldBytes = Math.ceil(p.toString(2).length / 8);
  const form = bytes[0];
  const isWhole = form === 4 && bytes.length === 1 + 2 * fieldBytes;
  const isCompressed = (form === 2 || form === 3) &&
    bytes.length === 1 + fieldBytes;
  const x = toInteger(bytes.subarray(1, 1 + fieldBytes));
  const square = modulo(x ** 3n - 3n * x + b, p);
  if (!isWhole && !isCompressed || x >= p) throw new RangeError("No point");
  if (isWhole) {
    const y = toInteger(bytes.subarray(1 + fieldBytes));
    if (y >= p || y * y % p !== square) {
      throw new RangeError("Not on the curve");
    }
    return { x, y, z: 1n };
  }
  const root = squareRoot(square, p);
  if (root === undefined) throw new RangeError("Not on the curve");
  const isOdd = root % 2n === 1n;
  return { x, y: isOdd === (form === 3) ? root : p - root, z: 1n };
}

/** A key pair or a public key alone. */
export interface EcdsaKey {
  readonly parameters: Parameters;
  readonly privateKey?: bigint;
  readonly publicKey: Point;
}

/** ECPrivateKey (RFC 5915 §3) or a SEC 1 point. */
export function readEcdsaKey(
  { curve, key, keyType }: EcdsaSession,
): EcdsaKey {
  const parameters = CURVES[curve];
  if (keyType === "public") {
    return { parameters, publicKey: readPoint(parameters, key) };
  }
  const [version, scalar] = readSequence(key);
  const privateKey = toInteger(scalar?.content ?? new Uint8Array(0));
  if (
    !version || toHex(version.content) !== "01" ||
    scalar?.tag !== OCTET_STRING ||
    privateKey < 1n || privateKey >= parameters.n
  ) throw new RangeError("No private key");
  const publicKey = multiply(parameters, parameters.base, privateKey);
  return { parameters, privateKey, publicKey };
}

/** Ecdsa-Sig-Value of `digest` (§6.4), with `nonce` in place of a random k. */
export function sign(
  { parameters, privateKey }: EcdsaKey,
  digest: Uint8Array,
  nonce: bigint,
): Uint8Array | undefined {
  if (privateKey === undefined) return undefined;
  const { n, base } = parameters;
  const k = modulo(nonce, n - 1n) + 1n;
  const r = xModuloOrder(parameters, multiply(parameters, base, k));
  const sum = toScalar(digest, parameters) + r * privateKey;
  const s = modulo(sum * inverse(k, n), n);
  return element(SEQUENCE, integerElement(r), integerElement(s));
}

/** Whether `signature` is one of `digest` (§6.4). */
export function verify(
  { parameters, publicKey }: EcdsaKey,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  let numbers: bigint[];
  try {
    numbers = readSequence(signature).map(({ tag, content }) => {
      const isNegative = (content[0] ?? 0x80) >= 0x80;
      return tag === INTEGER && !isNegative ? toInteger(content) : 0n;
    });
  } catch {
    return false;
  }
  const { n, base } = parameters;
  const inRange = (value?: bigint) =>
    value !== undefined && value > 0n && value < n;
  const [r, s] = numbers;
  if (numbers.length !== 2 || !inRange(r) || !inRange(s)) return false;
  const w = inverse(s!, n);
  const sum = add(
    parameters,
    multiply(parameters, base, toScalar(digest, parameters) * w % n),
    multiply(parameters, publicKey, r! * w % n),
  );
  return sum.z !== 0n && xModuloOrder(parameters, sum) === r;
}
