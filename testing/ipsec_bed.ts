/**
 * A device with its driver, for tests that look into associations: sequence
 * numbers and IVs that are otherwise not to be foretold.
 *
 * @module
 */

import { Device } from "../device/device.ts";
import { InProcessLink } from "../device/transport/in_process/in_process.ts";
import type {
  AeadAlgorithms,
  AssociationParameters,
  MacAlgorithms,
} from "../driver/association_parameters.ts";
import { Driver, type DriverOptions, insideOf } from "../driver/driver.ts";
import type {
  AssociationOf,
  Ipsec,
  SecurityAssociation,
} from "../driver/ipsec.ts";
import type { ProbedBackend } from "../backends/probe.ts";
import type { HeldAssociation } from "../device/association_objects.ts";
import { readyBackend } from "./ready_backends.ts";

const bytes = (lengthBytes: number, first: number) =>
  Uint8Array.from({ length: lengthBytes }, (_, i) => (first + 11 * i) & 0xff);

const SALT = bytes(4, 0xa1);
const KEY = bytes(32, 0x21);
const MAC_KEY = bytes(32, 0x77);

/** All suites of ESP that the device has, by a name of their own. */
export const SUITES: Readonly<Record<string, AeadAlgorithms | MacAlgorithms>> =
  {
    "AES-128-GCM": { aead: "gcm", key: KEY.subarray(0, 16), salt: SALT },
    "AES-256-GCM": { aead: "gcm", key: KEY, salt: SALT },
    "AES-128-CCM": {
      aead: "ccm",
      key: KEY.subarray(0, 16),
      salt: SALT.subarray(0, 3),
    },
    "ChaCha20-Poly1305": { aead: "chacha20-poly1305", key: KEY, salt: SALT },
    "AES-128-CBC and HMAC-SHA-1": {
      cipher: "aes-cbc",
      cipherKey: KEY.subarray(0, 16),
      mac: "hmac-sha1",
      macKey: MAC_KEY.subarray(0, 20),
    },
    "AES-256-CBC and HMAC-SHA-256": {
      cipher: "aes-cbc",
      cipherKey: KEY,
      mac: "hmac-sha256",
      macKey: MAC_KEY,
    },
    "AES-128-CTR and HMAC-SHA-256": {
      cipher: "aes-ctr",
      cipherKey: KEY.subarray(0, 16),
      salt: SALT,
      mac: "hmac-sha256",
      macKey: MAC_KEY,
    },
    "AES-128-CBC and AES-XCBC": {
      cipher: "aes-cbc",
      cipherKey: KEY.subarray(0, 16),
      mac: "xcbc-aes",
      macKey: MAC_KEY.subarray(0, 16),
    },
    "AES-192-CTR and AES-CMAC": {
      cipher: "aes-ctr",
      cipherKey: KEY.subarray(0, 24),
      salt: SALT,
      mac: "cmac-aes",
      macKey: MAC_KEY.subarray(0, 16),
    },
    "NULL and AES-GMAC": {
      mac: "gmac-aes",
      macKey: MAC_KEY.subarray(0, 16),
      salt: SALT,
    },
    "NULL and HMAC-SHA-256": { mac: "hmac-sha256", macKey: MAC_KEY },
  };

/** What a bed may have other than usual. */
export interface IpsecBedOptions {
  readonly backend?: string | ProbedBackend;
  readonly maximumSessions?: number;
  readonly driver?: DriverOptions;
}

/** A device in process and its driver. */
export class IpsecBed implements AsyncDisposable {
  readonly device: Device;
  readonly driver: Driver;
  readonly link: InProcessLink;

  private constructor(device: Device, driver: Driver, link: InProcessLink) {
    this.device = device;
    this.driver = driver;
    this.link = link;
  }

  static async start(options: IpsecBedOptions = {}): Promise<IpsecBed> {
    const { backend = "noble", maximumSessions = 64 } = options;
    const device = new Device({
      backends: [
        typeof backend === "string" ? await readyBackend(backend) : backend,
      ],
      rules: [],
      fallback: "never",
      dataQueueCount: 1,
      maximumSessions,
      maximumSizeBytes: 4 * 1024 * 1024,
      layout: "virtio",
      allowWeak: false,
      administration: true,
    });
    const link = new InProcessLink(device, 8 * 1024 * 1024);
    const driver = await Driver.start(
      link,
      { ipsec: true, ...options.driver },
    );
    return new IpsecBed(device, driver, link);
  }

  create<P extends AssociationParameters>(
    parameters: P,
  ): Promise<AssociationOf<P>> {
    return this.driver.ipsec(parameters);
  }

  /** The service behind the driver. */
  service(): Promise<Ipsec> {
    return insideOf(this.driver).ipsec();
  }

  /** What the device has of an association. */
  held({ direction, id }: SecurityAssociation): HeldAssociation {
    return this.device.associations!.find(direction === "outbound", id)!;
  }

  /** The number that the next packet does not have yet, or the highest received. */
  setSequence(association: SecurityAssociation, number: bigint): void {
    const isOutbound = association.direction === "outbound";
    for (const { id, place, ...one } of this.device.associations!.current()) {
      if (one.isOutbound !== isOutbound || id !== association.id) continue;
      if ("memory" in place) new BigUint64Array(place.memory)[0] = number;
    }
  }

  /** The IV of the next packet of a counter mode. */
  setIv(iv: bigint): void {
    this.device.associations!.ivCounter[0] = iv;
  }

  close(): Promise<void> {
    return this.driver.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
