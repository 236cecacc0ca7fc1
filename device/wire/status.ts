/** Operation status (virtio 1.4 §5.9.9.1, enum VIRTIO_CRYPTO_STATUS). */
export const enum Status {
  Ok = 0,
  Error = 1,
  BadMessage = 2,
  NotSupported = 3,
  InvalidSession = 4,
  /** Only with VIRTIO_CRYPTO_F_REVISION_1. */
  NoSpace = 5,
  KeyRejected = 6,
  /** IPSEC: the packet was processed, and a soft limit is reached. */
  SoftExpiry = 7,
}
