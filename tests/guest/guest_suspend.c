// A session that is open while the guest sleeps: the kernel's driver resets the device
// for it, and goes on with the session afterwards. What becomes of that is for the host
// to judge; everything else has to work again.
#include "guest_cipher.h"
#include "guest_test.h"

#include <stdio.h>
#include <string.h>

// Every device sleeps and wakes; the machine itself stays awake.
#define LEVEL "devices"
#define DATA 64

static const uint8_t key[BLOCK] = {1, 2, 3, 4}, iv[BLOCK] = {5, 6, 7, 8}, plaintext[DATA] = {9};

static int encrypt(const struct cipher *cipher, uint8_t ciphertext[DATA]) {
    struct pieces from = {.vector = {{(void *)plaintext, DATA}}, .count = 1};
    struct pieces to = {.vector = {{ciphertext, DATA}}, .count = 1};
    return cipher_run(cipher, ENCRYPT, iv, &from, COPIED, &to);
}

void test_suspend(void) {
    uint8_t before[DATA] = {0}, after[DATA] = {0};
    struct cipher held, fresh;
    int error = cipher_open(&held, DEVICE_CIPHER, key, sizeof key);
    if (!error)
        error = encrypt(&held, before);
    check("suspend.before", !error, "%s", strerror(error));
    if (error)
        return;

    bool slept = write_text("/sys/power/pm_test", LEVEL) && write_text("/sys/power/state", "mem");
    check("suspend.sleeps", slept, "the kernel did not sleep and wake");

    error = encrypt(&held, after);
    info("suspend.session", "%s",
         error                           ? strerror(error)
         : memcmp(before, after, DATA) ? "wrong"
                                       : "goes on");
    cipher_close(&held);

    memset(after, 0, sizeof after);
    error = cipher_open(&fresh, DEVICE_CIPHER, key, sizeof key);
    if (!error) {
        error = encrypt(&fresh, after);
        cipher_close(&fresh);
    }
    check("suspend.new-session", !error && !memcmp(before, after, DATA), "%s",
          error ? strerror(error) : "another result than before");
}
