// A PKCS#11 module that is another one, which FAULTY_PKCS11_MODULE names, but for the
// functions that the file FAULTY_PKCS11_CONTROL says fail: one a line, with the code in
// hexadecimal. Each call of a function that may fail is noted in the file FAULTY_PKCS11_CALLS.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS 68
#define CKR_GENERAL_ERROR 0x05

// Integers and pointers alike go in registers, so that one type serves all.
typedef unsigned long (*function)(long, long, long, long, long);

struct function_list {
    unsigned char version[2];
    function functions[FUNCTIONS];
};

static struct function_list *real, faulty;
static pthread_once_t once = PTHREAD_ONCE_INIT;

// The code that `name` is to fail with, or 0.
static unsigned long fault(const char *name) {
    const char *calls = getenv("FAULTY_PKCS11_CALLS"), *control = getenv("FAULTY_PKCS11_CONTROL");
    char word[64];
    unsigned long code, found = 0;
    FILE *file = calls ? fopen(calls, "a") : NULL;
    if (file) {
        fprintf(file, "%s\n", name);
        fclose(file);
    }
    file = control ? fopen(control, "r") : NULL;
    if (!file)
        return 0;
    while (fscanf(file, "%63s %lx", word, &code) == 2)
        if (!strcmp(word, name))
            found = code;
    fclose(file);
    return found;
}

#define MAY_FAIL(index, name)                                                                                \
    static unsigned long faulty_##name(long a, long b, long c, long d, long e) {                             \
        unsigned long code = fault(#name);                                                                   \
        return code ? code : real->functions[index](a, b, c, d, e);                                          \
    }
#define EACH(with)                                                                                           \
    with(4, C_GetSlotList) with(6, C_GetTokenInfo) with(12, C_OpenSession) with(15, C_GetSessionInfo)        \
        with(18, C_Login) with(20, C_CreateObject) with(29, C_EncryptInit) with(30, C_Encrypt)               \
            with(37, C_DigestInit) with(38, C_Digest) with(42, C_SignInit) with(43, C_Sign)
EACH(MAY_FAIL)

static void load(void) {
    const char *path = getenv("FAULTY_PKCS11_MODULE");
    void *module = path ? dlopen(path, RTLD_NOW) : NULL;
    unsigned long (*get_list)(struct function_list **) =
        module ? (unsigned long (*)(struct function_list **))dlsym(module, "C_GetFunctionList") : NULL;
    if (!get_list || get_list(&real))
        return;
    faulty = *real;
#define PUT(index, name) faulty.functions[index] = faulty_##name;
    EACH(PUT)
}

unsigned long C_GetFunctionList(struct function_list **list) {
    pthread_once(&once, load);
    *list = &faulty;
    return real ? 0 : CKR_GENERAL_ERROR;
}
