/** Operation status (virtio 1.4 §5.9.9.1, enum VIRTIO_CRYPTO_STATUS). */
export const enum Status {
  /** OK: done. */
  Ok = 0,
  /** ERR: the request failed. */
  Error = 1,
  /** BADMSG: the tag is wrong, and there is no plaintext. */
  BadMessage = 2,
  /** NOTSUPP: not offered. */
  NotSupported = 3,
  /** INVSESS: there is no such session. */
  InvalidSession = 4,
  /** NOSPC: no session is free; only with VIRTIO_CRYPTO_F_REVISION_1. */
  NoSpace = 5,
  /** KEY_REJECTED: the signature does not verify. */
  KeyRejected = 6,
  /** IPSEC: the packet was processed, and a soft limit is reached. */
  SoftExpiry = 7,
}
