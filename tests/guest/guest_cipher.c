#include "guest_cipher.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOL_ALG
#define SOL_ALG 279
#endif

// AF_ALG takes no more per request than the socket's buffers; the tests want 256 KiB.
static void enlarge_buffers(int operation) {
    int size = 4 << 20;
    setsockopt(operation, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    setsockopt(operation, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
}

int cipher_open(struct cipher *cipher, const char *driver, const uint8_t *key, size_t key_length) {
    struct sockaddr_alg address = {.salg_family = AF_ALG, .salg_type = "skcipher"};
    snprintf((char *)address.salg_name, sizeof address.salg_name, "%s", driver);
    cipher->operation = -1;
    cipher->transform = socket(AF_ALG, SOCK_SEQPACKET, 0);
    if (cipher->transform < 0)
        return errno;
    if (!bind(cipher->transform, (struct sockaddr *)&address, sizeof address) &&
        !setsockopt(cipher->transform, SOL_ALG, ALG_SET_KEY, key, (socklen_t)key_length))
        cipher->operation = accept(cipher->transform, NULL, 0);
    if (cipher->operation < 0) {
        int error = errno;
        cipher_close(cipher);
        return error;
    }
    enlarge_buffers(cipher->operation);
    return 0;
}

void cipher_close(struct cipher *cipher) {
    if (cipher->operation >= 0)
        close(cipher->operation);
    if (cipher->transform >= 0)
        close(cipher->transform);
    cipher->operation = cipher->transform = -1;
}

size_t length_of(const struct pieces *pieces) {
    size_t length = 0;
    for (int index = 0; index < pieces->count; index++)
        length += pieces->vector[index].iov_len;
    return length;
}

static int send_header(int operation, enum direction direction, const uint8_t iv[BLOCK],
                       const struct pieces *source, int flags) {
    union {
        char bytes[CMSG_SPACE(sizeof(uint32_t)) + CMSG_SPACE(sizeof(struct af_alg_iv) + BLOCK)];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_control = control.bytes, .msg_controllen = sizeof control};
    if (source) {
        message.msg_iov = (struct iovec *)source->vector;
        message.msg_iovlen = (size_t)source->count;
    }

    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_ALG;
    header->cmsg_type = ALG_SET_OP;
    header->cmsg_len = CMSG_LEN(sizeof(uint32_t));
    *(uint32_t *)CMSG_DATA(header) = direction == ENCRYPT ? ALG_OP_ENCRYPT : ALG_OP_DECRYPT;

    header = CMSG_NXTHDR(&message, header);
    header->cmsg_level = SOL_ALG;
    header->cmsg_type = ALG_SET_IV;
    header->cmsg_len = CMSG_LEN(sizeof(struct af_alg_iv) + BLOCK);
    struct af_alg_iv *vector = (struct af_alg_iv *)CMSG_DATA(header);
    vector->ivlen = BLOCK;
    memcpy(vector->iv, iv, BLOCK);

    size_t expected = source ? length_of(source) : 0;
    ssize_t sent = sendmsg(operation, &message, flags);
    return sent < 0 ? errno : (size_t)sent == expected ? 0 : EMSGSIZE;
}

static int splice_pieces(int operation, const struct pieces *source) {
    int pipe_ends[2], error = 0;
    size_t left = length_of(source);
    if (pipe2(pipe_ends, O_CLOEXEC))
        return errno;
    // One pipe slot per page touched: room for 256 KiB cut and aligned at will.
    fcntl(pipe_ends[1], F_SETPIPE_SZ, 1 << 20);
    ssize_t mapped = vmsplice(pipe_ends[1], source->vector, (size_t)source->count, 0);
    if (mapped < 0 || (size_t)mapped != left)
        error = mapped < 0 ? errno : EMSGSIZE;
    while (!error && left) {
        ssize_t moved = splice(pipe_ends[0], NULL, operation, NULL, left, 0);
        if (moved <= 0)
            error = moved < 0 ? errno : EPIPE;
        else
            left -= (size_t)moved;
    }
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    return error;
}

int cipher_run(const struct cipher *cipher, enum direction direction, const uint8_t iv[BLOCK],
               const struct pieces *source, enum passing passing, const struct pieces *destination) {
    int error;
    if (passing == COPIED) {
        error = send_header(cipher->operation, direction, iv, source, 0);
    } else {
        error = send_header(cipher->operation, direction, iv, NULL, MSG_MORE);
        if (!error)
            error = splice_pieces(cipher->operation, source);
    }
    if (error)
        return error;
    ssize_t received = readv(cipher->operation, destination->vector, destination->count);
    if (received < 0)
        return errno;
    return (size_t)received == length_of(destination) ? 0 : EMSGSIZE;
}

const char *software_cipher(void) {
    static const char *const names[] = {"cbc(aes-generic)", "cbc(aes-lib)"};
    static const uint8_t key[BLOCK];
    struct cipher cipher;
    for (size_t index = 0; index < sizeof names / sizeof *names; index++)
        if (!cipher_open(&cipher, names[index], key, sizeof key)) {
            cipher_close(&cipher);
            return names[index];
        }
    return NULL;
}
