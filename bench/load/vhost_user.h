/*
 * The parts of vhost-user, of split virtqueues and of virtio-crypto that the
 * load generator and the devices to compare with have in common. Fields are
 * little-endian, as all machines are that this bench runs on.
 */
#ifndef BENCH_VHOST_USER_H
#define BENCH_VHOST_USER_H

#include <stdint.h>

/* vhost-user: requests, flags, features. */
enum {
  GET_FEATURES = 1,
  SET_FEATURES = 2,
  SET_OWNER = 3,
  SET_MEM_TABLE = 5,
  SET_VRING_NUM = 8,
  SET_VRING_ADDR = 9,
  SET_VRING_BASE = 10,
  GET_VRING_BASE = 11,
  SET_VRING_KICK = 12,
  SET_VRING_CALL = 13,
  SET_VRING_ERR = 14,
  GET_PROTOCOL_FEATURES = 15,
  SET_PROTOCOL_FEATURES = 16,
  GET_QUEUE_NUM = 17,
  SET_VRING_ENABLE = 18,
  GET_CONFIG = 24,
  CREATE_CRYPTO_SESSION = 26,
};

#define MESSAGE_VERSION 1u
#define MESSAGE_REPLY 4u

#define PROTOCOL_F_MQ (1ull << 0)
#define PROTOCOL_F_CRYPTO_SESSION (1ull << 7)
#define PROTOCOL_F_CONFIG (1ull << 9)

#define F_INDIRECT_DESC (1ull << 28)
#define F_EVENT_IDX (1ull << 29)
#define F_PROTOCOL_FEATURES (1ull << 30)
#define F_VERSION_1 (1ull << 32)
#define F_RING_PACKED (1ull << 34)

struct memory_region {
  uint64_t guest_address, bytes, user_address, file_offset;
};

struct ring_state {
  uint32_t index, value;
};

struct ring_address {
  uint32_t index, flags;
  uint64_t descriptor, used, available, log;
};

struct memory_table {
  uint32_t count, padding;
  struct memory_region regions[8];
};

struct config_space {
  uint32_t offset, bytes, flags;
  uint8_t space[56];
};

/* Session message in the layout of QEMU up to 7.0 and DPDK up to 24.11. */
struct session_message {
  int64_t session_id;
  uint32_t opcode;
  uint32_t cipher, cipher_key_bytes, hash, hash_result_bytes, auth_key_bytes, aad_bytes;
  uint8_t op_type, direction, hash_mode, chain_order;
  uint64_t pointers[2];
  uint8_t cipher_key[64], auth_key[512];
};

struct message {
  uint32_t request, flags, bytes;
  union {
    uint64_t u64;
    struct ring_state state;
    struct ring_address address;
    struct memory_table memory;
    struct session_message session;
    struct config_space config;
    uint8_t raw[4096];
  };
} __attribute__((packed));

#define MESSAGE_HEADER_BYTES 12

/* Split virtqueues (virtio 1.4 section 2.7). */
enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2, DESCRIPTOR_INDIRECT = 4 };
enum { AVAILABLE_NO_INTERRUPT = 1, USED_NO_NOTIFY = 1 };

struct descriptor {
  uint64_t address;
  uint32_t bytes;
  uint16_t flags, next;
};

struct available_ring {
  uint16_t flags, index, ring[];
};

struct used_element {
  uint32_t head, bytes;
};

struct used_ring {
  uint16_t flags, index;
  struct used_element ring[];
};

/* Packed virtqueues (virtio 1.4 section 2.8); flags of the split ones, and these. */
enum { DESCRIPTOR_AVAILABLE = 1 << 7, DESCRIPTOR_USED = 1 << 15 };
enum { EVENTS_ENABLE = 0, EVENTS_DISABLE = 1, EVENTS_DESCRIPTOR = 2 };
#define PACKED_WRAP 0x8000u

struct packed_descriptor {
  uint64_t address;
  uint32_t bytes;
  uint16_t id, flags;
};

struct event_suppression {
  /* A place in the ring, and the wrap counter in the highest bit. */
  uint16_t place, flags;
};

/* virtio-crypto (virtio 1.4 section 5.9) without REVISION_1. */
enum {
  CIPHER_ENCRYPT = 0x000,
  CIPHER_DECRYPT = 0x001,
  CIPHER_CREATE = 0x002,
  HASH_COMPUTE = 0x100,
  HASH_CREATE = 0x102,
  AEAD_ENCRYPT = 0x300,
  AEAD_CREATE = 0x302,
  AKCIPHER_SIGN = 0x402,
  AKCIPHER_CREATE = 0x404,
};
enum { CIPHER_AES_CBC = 3, HASH_SHA256 = 4, MAC_HMAC_SHA1 = 2, AEAD_GCM = 1, AKCIPHER_RSA = 1 };
enum { OP_CIPHER = 1, OP_CHAINING = 2 };
enum { DIRECTION_ENCRYPT = 1, DIRECTION_DECRYPT = 2 };
enum { ORDER_HASH_THEN_CIPHER = 1, ORDER_CIPHER_THEN_HASH = 2 };
enum { HASH_MODE_AUTH = 2 };
enum { KEY_PRIVATE = 2, RSA_PADDING_PKCS1 = 1, RSA_SHA256 = 6 };
enum { STATUS_OK = 0, STATUS_ERROR = 1 };

#define CONTROL_HEADER_BYTES 72
#define DATA_HEADER_BYTES 72

/* Parameters of a session, in the 56 bytes after the control header's 16. */
struct cipher_parameters {
  uint32_t algorithm, key_bytes, direction, padding;
};

struct chain_parameters {
  uint32_t order, hash_mode;
  struct cipher_parameters cipher;
  uint32_t hash, result_bytes, auth_key_bytes, padding;
};

struct control_request {
  uint32_t opcode, algorithm, flag, queue;
  union {
    struct {
      union {
        struct cipher_parameters cipher;
        struct chain_parameters chain;
        uint8_t symmetric[48];
      };
      uint32_t op_type;
    };
    struct {
      uint32_t algorithm, result_bytes;
    } hash;
    struct {
      uint32_t algorithm, key_bytes, tag_bytes, aad_bytes, direction;
    } aead;
    struct {
      uint32_t algorithm, key_type, key_bytes, padding_algorithm, hash;
    } akcipher;
    uint8_t fixed[56];
  };
};

struct create_outcome {
  uint64_t session_id;
  uint32_t status, padding;
};

struct data_request {
  uint32_t opcode, algorithm;
  uint64_t session_id;
  uint32_t flag, padding;
  union {
    struct {
      union {
        struct {
          uint32_t iv_bytes, source_bytes, destination_bytes;
        } cipher;
        struct {
          uint32_t iv_bytes, source_bytes, destination_bytes;
          uint32_t cipher_start, cipher_bytes, hash_start, hash_bytes, aad_bytes, result_bytes;
        } chain;
        uint8_t symmetric[40];
      };
      uint32_t op_type;
    };
    struct {
      uint32_t source_bytes, result_bytes;
    } hash;
    struct {
      uint32_t iv_bytes, aad_bytes, source_bytes, destination_bytes, tag_bytes;
    } aead;
    struct {
      uint32_t source_bytes, destination_bytes;
    } akcipher;
    uint8_t fixed[48];
  };
};

_Static_assert(sizeof(struct packed_descriptor) == sizeof(struct descriptor), "descriptors");
_Static_assert(sizeof(struct session_message) == 632, "session message");
_Static_assert(sizeof(struct control_request) == CONTROL_HEADER_BYTES, "control request");
_Static_assert(sizeof(struct data_request) == DATA_HEADER_BYTES, "data request");

/* Messages over the socket; -1 and errno where that fails. */
int send_message(int socket, const struct message *message, const int *fds, int count);
/* The message's payload must fit; up to 8 descriptors go to `fds`. 0 at the end. */
int receive_message(int socket, struct message *message, int *fds, int *count);

#endif
