// A CBC cipher of the kernel's, reached through AF_ALG by its driver's name.
#ifndef GUEST_CIPHER_H
#define GUEST_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define BLOCK 16

struct cipher {
    int transform;
    int operation;
};

enum direction { DECRYPT = 0, ENCRYPT = 1 };

// How the plaintext or ciphertext reaches the kernel: copied into fresh pages by it,
// or as references to the program's own pages, however they are cut and aligned.
enum passing { COPIED, SPLICED };

struct pieces {
    struct iovec vector[32];
    int count;
};

size_t length_of(const struct pieces *pieces);

// Both answer 0 or an errno.
int cipher_open(struct cipher *cipher, const char *driver, const uint8_t *key, size_t key_length);
int cipher_run(const struct cipher *cipher, enum direction direction, const uint8_t iv[BLOCK],
               const struct pieces *source, enum passing passing, const struct pieces *destination);
void cipher_close(struct cipher *cipher);

// The kernel's portable software AES-CBC, whatever this kernel calls it.
const char *software_cipher(void);

#endif
