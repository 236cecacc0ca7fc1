/* An engine for engine_test.ts: its "AES-128-CBC" adds 0x5a to every byte. */

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/engine.h>
#include <openssl/evp.h>

static EVP_CIPHER *cipher;

static int start(EVP_CIPHER_CTX *context, const unsigned char *key,
                 const unsigned char *iv, int encrypts)
{
    (void)context, (void)key, (void)iv, (void)encrypts;
    return 1;
}

static int apply(EVP_CIPHER_CTX *context, unsigned char *out,
                 const unsigned char *in, size_t length)
{
    (void)context;
    for (size_t i = 0; i < length; i++)
        out[i] = in[i] ^ 0x5a;
    return 1;
}

static int ciphers(ENGINE *engine, const EVP_CIPHER **found, const int **nids,
                   int nid)
{
    static const int own[] = { NID_aes_128_cbc };

    (void)engine;
    if (found == NULL) {
        *nids = own;
        return 1;
    }
    *found = nid == NID_aes_128_cbc ? cipher : NULL;
    return *found != NULL;
}

static int bind(ENGINE *engine, const char *id)
{
    (void)id;
    cipher = EVP_CIPHER_meth_new(NID_aes_128_cbc, 16, 16);
    return cipher != NULL && EVP_CIPHER_meth_set_iv_length(cipher, 16)
        && EVP_CIPHER_meth_set_flags(cipher, EVP_CIPH_CBC_MODE)
        && EVP_CIPHER_meth_set_init(cipher, start)
        && EVP_CIPHER_meth_set_do_cipher(cipher, apply)
        && ENGINE_set_id(engine, "test_engine")
        && ENGINE_set_name(engine, "engine of a test")
        && ENGINE_set_ciphers(engine, ciphers);
}

IMPLEMENT_DYNAMIC_CHECK_FN()
IMPLEMENT_DYNAMIC_BIND_FN(bind)
