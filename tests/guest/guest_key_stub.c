// A signature with a key that this guest does not have: what `keyctl padd asymmetric`
// and `keyctl pkey_sign` do with the stub that the host has put on the command line.
#include "guest_test.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HOW "enc=pkcs1 hash=sha256"
#define LONGEST_STUB 1024
#define LONGEST_SIGNATURE 1024
#define DIGEST 32

static size_t from_hex(const char *hex, uint8_t *bytes, size_t size) {
    size_t length = strlen(hex) / 2;
    if (length > size)
        return 0;
    for (size_t index = 0; index < length; index++)
        if (sscanf(hex + 2 * index, "%2hhx", &bytes[index]) != 1)
            return 0;
    return length;
}

static long sign(int32_t key, const uint8_t *digest, uint8_t *signature, size_t size) {
    struct keyctl_pkey_params parameters = {
        .key_id = key, .in_len = DIGEST, .out_len = (uint32_t)size};
    long result = syscall(SYS_keyctl, KEYCTL_PKEY_SIGN, &parameters, HOW, digest, signature);
    return result < 0 ? -errno : result;
}

void test_key_stub(void) {
    const char *hex = getenv("vhost_crypto_stub");
    uint8_t stub[LONGEST_STUB], digest[DIGEST], signature[LONGEST_SIGNATURE];
    size_t length = hex ? from_hex(hex, stub, sizeof stub) : 0;
    check("key-stub.stub", length > 0, "the command line has none");
    for (int index = 0; index < DIGEST; index++)
        digest[index] = (uint8_t)index;
    wait_for_driver("virtio-crypto-rsa");
    uint64_t interrupts = device_interrupts();
    int32_t key = (int32_t)syscall(SYS_add_key, "asymmetric", "stub", stub, length,
                                   KEY_SPEC_PROCESS_KEYRING);
    check("key-stub.key", key >= 0, "%s", strerror(errno));
    if (key < 0)
        return;
    struct keyctl_pkey_query query;
    long asked = syscall(SYS_keyctl, KEYCTL_PKEY_QUERY, key, 0, HOW, &query);
    size_t size = asked == 0 ? query.max_sig_size : sizeof signature;
    long signed_bytes = sign(key, digest, signature, size > sizeof signature ? sizeof signature : size);
    check("key-stub.device-asked", device_interrupts() > interrupts, "the device never interrupted");
    if (signed_bytes < 0) {
        info("key-stub.refused", "%s", strerror((int)-signed_bytes));
        return;
    }
    char text[2 * LONGEST_SIGNATURE + 1] = "";
    for (long index = 0; index < signed_bytes; index++)
        snprintf(text + 2 * index, 3, "%02x", signature[index]);
    info("key-stub.signature", "%s", text);
}
