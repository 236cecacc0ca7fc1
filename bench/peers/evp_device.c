/*
 * A virtio-crypto device in plain C over OpenSSL's EVP, on a vhost-user socket:
 * what the TypeScript device is compared with. It trusts its front-end, serves
 * all rings from one thread and has no more algorithms than the load generator.
 *
 *   evp_device SOCKET [--queues N] [--burst N] [--sleep] [--null]
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "device.h"

#define MESSAGES_EVERY 4096

struct session {
  uint32_t opcode, op_type, result_bytes;
  EVP_CIPHER_CTX *cipher;
  EVP_MAC_CTX *mac;
  EVP_MD_CTX *digest;
};

static struct device device = {.data_queues = 1};
static struct session *sessions;
static size_t session_count;
static int sleeping, null_mode, burst = 32;

static EVP_CIPHER_CTX *open_cipher(const char *mode, const uint8_t *key, unsigned bytes,
                                   int encrypt) {
  char name[32];
  snprintf(name, sizeof name, "AES-%u-%s", 8 * bytes, mode);
  EVP_CIPHER *method = EVP_CIPHER_fetch(NULL, name, NULL);
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  if (!EVP_CipherInit_ex2(context, method, key, NULL, encrypt, NULL)) return NULL;
  EVP_CIPHER_CTX_set_padding(context, 0);
  return context;
}

static EVP_MAC_CTX *open_hmac(const uint8_t *key, unsigned bytes) {
  EVP_MAC_CTX *context = EVP_MAC_CTX_new(EVP_MAC_fetch(NULL, "HMAC", NULL));
  OSSL_PARAM parameters[] = {OSSL_PARAM_utf8_string("digest", "SHA1", 0), OSSL_PARAM_END};
  return EVP_MAC_init(context, key, bytes, parameters) ? context : NULL;
}

static int open_session(const struct control_request *request, const uint8_t *keys,
                        struct session *session) {
  *session = (struct session){.opcode = request->opcode, .op_type = request->op_type};
  switch (request->opcode) {
    case CIPHER_CREATE: {
      int chained = request->op_type == OP_CHAINING;
      const struct cipher_parameters *cipher = chained ? &request->chain.cipher : &request->cipher;
      session->cipher =
          open_cipher("CBC", keys, cipher->key_bytes, cipher->direction == DIRECTION_ENCRYPT);
      if (!chained) return session->cipher != NULL;
      session->result_bytes = request->chain.result_bytes;
      session->mac = open_hmac(keys + cipher->key_bytes, request->chain.auth_key_bytes);
      return session->cipher && session->mac;
    }
    case AEAD_CREATE:
      session->result_bytes = request->aead.tag_bytes;
      session->cipher = open_cipher("GCM", keys, request->aead.key_bytes, 1);
      return session->cipher != NULL;
    case HASH_CREATE:
      session->result_bytes = request->hash.result_bytes;
      session->digest = EVP_MD_CTX_new();
      return EVP_DigestInit_ex2(session->digest, EVP_MD_fetch(NULL, "SHA256", NULL), NULL);
    default:
      return 0;
  }
}

/* Copies all readable bytes: control requests only. */
static size_t gather(const struct chain *chain, uint8_t *into, size_t room) {
  size_t done = 0;
  for (unsigned i = 0; i < chain->readable_count; i++) {
    const struct piece *piece = &chain->readable[i];
    if (piece->length > room - done) return 0;
    memcpy(into + done, piece->bytes, piece->length);
    done += piece->length;
  }
  return done;
}

static void serve_control(struct ring *ring) {
  struct chain chain;
  for (int head; (head = ring_pop(&device, ring, &chain)) >= 0;) {
    uint8_t bytes[4096];
    struct create_outcome outcome = {.status = STATUS_ERROR};
    if (session_count % 1024 == 0) {
      sessions = realloc(sessions, (session_count + 1024) * sizeof *sessions);
    }
    if (gather(&chain, bytes, sizeof bytes) >= CONTROL_HEADER_BYTES &&
        open_session((void *)bytes, bytes + CONTROL_HEADER_BYTES, &sessions[session_count])) {
      outcome = (struct create_outcome){session_count++, STATUS_OK, 0};
    }
    memcpy(chain.writable[0].bytes, &outcome, sizeof outcome);
    ring_push(ring, head, sizeof outcome);
  }
  ring_publish(&device, ring);
}

/* A position in a list of pieces. */
struct cursor {
  const struct piece *piece;
  uint32_t offset;
};

static uint8_t *cursor_take(struct cursor *cursor, uint32_t bytes) {
  uint8_t *at = cursor->piece->bytes + cursor->offset;
  cursor->offset += bytes;
  if (cursor->offset == cursor->piece->length) {
    cursor->piece++;
    cursor->offset = 0;
  }
  return at;
}

static uint32_t cursor_run(const struct cursor *cursor, uint32_t wanted) {
  uint32_t left = cursor->piece->length - cursor->offset;
  return left < wanted ? left : wanted;
}

/* Pieces are whole blocks, as the load generator lays them out. */
static void encipher(struct session *session, const uint8_t *iv, struct cursor *source,
                     struct cursor *destination, uint32_t bytes, int authenticate) {
  EVP_CipherInit_ex2(session->cipher, NULL, NULL, iv, -1, NULL);
  while (bytes > 0) {
    uint32_t run = cursor_run(destination, cursor_run(source, bytes));
    uint8_t *from = cursor_take(source, run), *to = cursor_take(destination, run);
    EVP_Cipher(session->cipher, to, from, run);
    if (authenticate) EVP_MAC_update(session->mac, to, run);
    bytes -= run;
  }
}

static uint32_t run_symmetric(struct session *session, const struct data_request *request,
                              struct cursor *source, struct cursor *destination) {
  int chained = request->op_type == OP_CHAINING;
  uint32_t bytes = request->cipher.source_bytes;
  const uint8_t *iv = cursor_take(source, request->cipher.iv_bytes);
  if (chained) EVP_MAC_init(session->mac, NULL, 0, NULL);
  encipher(session, iv, source, destination, bytes, chained);
  if (!chained) return bytes;
  size_t length;
  EVP_MAC_final(session->mac, cursor_take(destination, session->result_bytes), &length,
                session->result_bytes);
  return bytes + session->result_bytes;
}

static uint32_t run_aead(struct session *session, const struct data_request *request,
                         struct cursor *source, struct cursor *destination) {
  int done;
  uint32_t bytes = request->aead.source_bytes;
  const uint8_t *iv = cursor_take(source, request->aead.iv_bytes);
  encipher(session, iv, source, destination, bytes, 0);
  EVP_CipherFinal_ex(session->cipher, NULL, &done);
  EVP_CIPHER_CTX_ctrl(session->cipher, EVP_CTRL_AEAD_GET_TAG, session->result_bytes,
                      cursor_take(destination, session->result_bytes));
  return bytes + session->result_bytes;
}

static uint32_t run_hash(struct session *session, const struct data_request *request,
                         struct cursor *source, struct cursor *destination) {
  EVP_DigestInit_ex2(session->digest, NULL, NULL);
  for (uint32_t left = request->hash.source_bytes; left > 0;) {
    uint32_t run = cursor_run(source, left);
    EVP_DigestUpdate(session->digest, cursor_take(source, run), run);
    left -= run;
  }
  EVP_DigestFinal_ex(session->digest, cursor_take(destination, session->result_bytes), NULL);
  return session->result_bytes;
}

static uint32_t run_request(const struct chain *chain) {
  if (null_mode) return 0;
  const struct data_request *request = (void *)chain->readable[0].bytes;
  if (request->session_id >= session_count) return 0;
  struct session *session = &sessions[request->session_id];
  struct cursor source = {&chain->readable[1], 0}, destination = {&chain->writable[0], 0};
  switch (session->opcode) {
    case CIPHER_CREATE: return run_symmetric(session, request, &source, &destination);
    case AEAD_CREATE: return run_aead(session, request, &source, &destination);
    default: return run_hash(session, request, &source, &destination);
  }
}

/* Serves what is available; true when there was something. */
static int serve_data(struct ring *ring) {
  struct chain chain;
  int served = 0;
  for (int head; served < burst && (head = ring_pop(&device, ring, &chain)) >= 0; served++) {
    if (chain.writable_count == 0) {
      ring_push(ring, head, 0);
      continue;
    }
    const struct piece *last = &chain.writable[chain.writable_count - 1];
    uint32_t written = run_request(&chain);
    last->bytes[last->length - 1] = STATUS_OK;
    ring_push(ring, head, written + 1);
  }
  ring_publish(&device, ring);
  return served > 0;
}

static int serve_rings(void) {
  int busy = 0;
  for (unsigned i = 0; i < device.data_queues; i++) {
    if (device.rings[i].enabled) busy |= serve_data(&device.rings[i]);
  }
  return busy;
}

static int wait_for_kicks(void) {
  struct pollfd fds[MOST_RINGS + 1] = {{.fd = device.socket, .events = POLLIN}};
  int waiting = 1;
  for (unsigned i = 0; i <= device.data_queues; i++) {
    struct ring *ring = &device.rings[i];
    fds[i + 1] = (struct pollfd){.fd = ring->enabled ? ring->kick : -1, .events = POLLIN};
    if (ring->enabled && ring_notifications(&device, ring, 1)) waiting = 0;
  }
  poll(fds, device.data_queues + 2, waiting ? -1 : 0);
  for (unsigned i = 0; i <= device.data_queues; i++) {
    eventfd_t count;
    if (fds[i + 1].revents & POLLIN) eventfd_read(fds[i + 1].fd, &count);
  }
  return !(fds[0].revents & (POLLIN | POLLHUP)) || device_handle_message(&device);
}

static void serve_front_end(void) {
  struct pollfd socket = {.fd = device.socket, .events = POLLIN};
  for (unsigned turn = 0;; turn++) {
    int busy = serve_rings();
    struct ring *control = &device.rings[device.data_queues];
    if (sleeping ? !busy : turn % MESSAGES_EVERY == 0) {
      if (control->enabled) serve_control(control);
      if (sleeping && !wait_for_kicks()) return;
      if (!sleeping && poll(&socket, 1, 0) > 0 && !device_handle_message(&device)) return;
    }
  }
}

static int listen_at(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  unlink(path);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1) < 0) {
    perror(path);
    exit(1);
  }
  return listener;
}

int main(int count, char **words) {
  static const struct option table[] = {{"queues", 1, 0, 'q'}, {"burst", 1, 0, 'b'},
                                        {"sleep", 0, 0, 's'},  {"null", 0, 0, 'n'},
                                        {0, 0, 0, 0}};
  for (int key; (key = getopt_long(count, words, "", table, NULL)) != -1;) {
    if (key == 'q') device.data_queues = atoi(optarg);
    if (key == 'b') burst = atoi(optarg);
    if (key == 's') sleeping = 1;
    if (key == 'n') null_mode = 1;
  }
  if (optind + 1 != count || device.data_queues + 1 > MOST_RINGS) return 2;
  int listener = listen_at(words[optind]);
  for (;;) {
    device.socket = accept(listener, NULL, NULL);
    serve_front_end();
    close(device.socket);
    device_forget(&device);
    session_count = 0;
  }
}
