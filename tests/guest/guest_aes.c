// AES-CBC on the device: published answers, then random data in every awkward shape
// against the kernel's software implementation, then from many threads at once.
#include "guest_cipher.h"
#include "guest_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Room in front of a buffer to start it anywhere in a page.
#define PAGE 4096
// The largest request, and the sizes of aes-random end with it.
#define LARGEST (256 * 1024)

struct known_answer {
    const char *name, *key, *ciphertext;
};

// NIST SP 800-38A, F.2.1 to F.2.6; they share the plaintext and the IV.
static const char plaintext_hex[] = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
                                    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
static const char iv_hex[] = "000102030405060708090a0b0c0d0e0f";
static const struct known_answer known_answers[] = {
    {"128", "2b7e151628aed2a6abf7158809cf4f3c",
     "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
     "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"},
    {"192", "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
     "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
     "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd"},
    {"256", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
     "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
     "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"},
};

static size_t from_hex(const char *hex, uint8_t *bytes) {
    size_t length = strlen(hex) / 2;
    for (size_t index = 0; index < length; index++)
        sscanf(hex + 2 * index, "%2hhx", &bytes[index]);
    return length;
}

static struct pieces whole(const uint8_t *bytes, size_t length) {
    return (struct pieces){.vector = {{(void *)bytes, length}}, .count = 1};
}

static void check_answer(const char *key_name, const char *verb, const struct cipher *cipher,
                         enum direction direction, const uint8_t *iv, const uint8_t *source,
                         const uint8_t *expected, size_t length) {
    uint8_t result[64] = {0};
    char name[64];
    struct pieces from = whole(source, length), to = whole(result, length);
    int error = cipher_run(cipher, direction, iv, &from, COPIED, &to);
    snprintf(name, sizeof name, "aes-kat.%s-%s", key_name, verb);
    check(name, !error && !memcmp(result, expected, length), "%s",
          error ? strerror(error) : "the result is not the published one");
}

void test_aes_known_answers(void) {
    uint8_t plaintext[64], ciphertext[64], iv[BLOCK], key[32];
    uint64_t interrupts = device_interrupts();
    size_t length = from_hex(plaintext_hex, plaintext);
    from_hex(iv_hex, iv);
    for (size_t index = 0; index < sizeof known_answers / sizeof *known_answers; index++) {
        const struct known_answer *answer = &known_answers[index];
        struct cipher cipher;
        from_hex(answer->ciphertext, ciphertext);
        int error = cipher_open(&cipher, DEVICE_CIPHER, key, from_hex(answer->key, key));
        if (error) {
            check("aes-kat.open", false, "%s", strerror(error));
            continue;
        }
        check_answer(answer->name, "encrypt", &cipher, ENCRYPT, iv, plaintext, ciphertext, length);
        check_answer(answer->name, "decrypt", &cipher, DECRYPT, iv, ciphertext, plaintext, length);
        cipher_close(&cipher);
    }
    check("aes-kat.device-asked", device_interrupts() > interrupts, "the device never interrupted");
}

// A small generator of our own, so that a failure comes again with the next run.
static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void fill(uint64_t *state, uint8_t *bytes, size_t length) {
    for (size_t index = 0; index < length; index++)
        bytes[index] = (uint8_t)(next_random(state) >> 24);
}

// Cuts a buffer at random places, some of them a byte apart.
static struct pieces cut(uint64_t *state, uint8_t *bytes, size_t length) {
    struct pieces pieces = {.count = 0};
    while (length && pieces.count < 15) {
        size_t largest = next_random(state) % 3 ? length / 4 + 1 : 7;
        size_t size = 1 + next_random(state) % largest;
        if (size > length)
            size = length;
        pieces.vector[pieces.count++] = (struct iovec){bytes, size};
        bytes += size;
        length -= size;
    }
    if (length)
        pieces.vector[pieces.count++] = (struct iovec){bytes, length};
    return pieces;
}

static size_t pages_of(const struct pieces *pieces) {
    size_t pages = 0;
    for (int index = 0; index < pieces->count; index++) {
        uintptr_t start = (uintptr_t)pieces->vector[index].iov_base;
        pages += (start + pieces->vector[index].iov_len - 1) / PAGE - start / PAGE + 1;
    }
    return pages;
}

// Linux queues a scatter list of n pages as n(n+1)/2 descriptors: the whole list, then
// the list without its first page, and so on.
static size_t descriptors(size_t pages) {
    return pages * (pages + 1) / 2;
}

struct work {
    struct cipher device, software;
    uint8_t *plaintext, *expected, *result;
    uint64_t random;
};

static int work_open(struct work *work, uint64_t seed, size_t largest, const char *software) {
    uint8_t key[32];
    *work = (struct work){.device = {-1, -1}, .software = {-1, -1}, .random = seed};
    size_t key_length = 16 + 8 * (seed % 3);
    fill(&work->random, key, sizeof key);
    // Each buffer may start anywhere in its first page.
    work->plaintext = aligned_alloc(PAGE, (largest / PAGE + 2) * PAGE);
    work->expected = aligned_alloc(PAGE, (largest / PAGE + 2) * PAGE);
    work->result = aligned_alloc(PAGE, (largest / PAGE + 2) * PAGE);
    int error = cipher_open(&work->device, DEVICE_CIPHER, key, key_length);
    return error ? error : cipher_open(&work->software, software, key, key_length);
}

static void work_close(struct work *work) {
    cipher_close(&work->device);
    cipher_close(&work->software);
    free(work->plaintext);
    free(work->expected);
    free(work->result);
}

struct request {
    struct pieces plaintext, expected, result;
    enum passing passing;
};

static struct request plan(struct work *work, size_t length, bool scattered, enum passing passing) {
    uint64_t *random = &work->random;
    if (!scattered)
        return (struct request){whole(work->plaintext, length), whole(work->expected, length),
                                whole(work->result, length), passing};
    return (struct request){cut(random, work->plaintext + next_random(random) % PAGE, length),
                            cut(random, work->expected + next_random(random) % PAGE, length),
                            cut(random, work->result + next_random(random) % PAGE, length), passing};
}

static bool fits(const struct request *request, size_t longest_chain) {
    size_t source = pages_of(&request->plaintext), ciphertext = pages_of(&request->expected);
    if (ciphertext > source)
        source = ciphertext;
    if (request->passing == COPIED)
        source = (length_of(&request->plaintext) + PAGE - 1) / PAGE;
    // The header, the IV and the status byte take one more each.
    return descriptors(source) + descriptors(pages_of(&request->result)) + 3 <= longest_chain;
}

// Encrypts random bytes on the device and in software, compares, and decrypts the
// result again; answers what went wrong or NULL.
static const char *round_trip(struct work *work, const struct request *request) {
    uint8_t iv[BLOCK];
    size_t length = length_of(&request->plaintext);
    uint8_t *plaintext = request->plaintext.vector[0].iov_base;
    uint8_t *expected = request->expected.vector[0].iov_base;
    uint8_t *result = request->result.vector[0].iov_base;
    fill(&work->random, iv, sizeof iv);
    fill(&work->random, plaintext, length);
    if (cipher_run(&work->software, ENCRYPT, iv, &request->plaintext, COPIED, &request->expected))
        return "the software cipher failed";

    memset(result, 0xa5, length);
    int error = cipher_run(&work->device, ENCRYPT, iv, &request->plaintext, request->passing, &request->result);
    if (error)
        return strerror(error);
    if (memcmp(result, expected, length))
        return "the ciphertext differs from the software cipher's";

    memset(result, 0xa5, length);
    error = cipher_run(&work->device, DECRYPT, iv, &request->expected, request->passing, &request->result);
    if (error)
        return strerror(error);
    return memcmp(result, plaintext, length) ? "the decrypted text is not the plaintext" : NULL;
}

struct shape {
    const char *name;
    bool scattered;
    enum passing passing;
};

static void check_sizes(struct work *work, const struct shape *shape, size_t longest_chain) {
    static const size_t sizes[] = {16,   32,   48,    240,   256,   512,    1024,  2032,
                                   4080, 4096, 4112, 16384, 65536, 98304, 131072, LARGEST};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        char name[64];
        struct request request = plan(work, sizes[index], shape->scattered, shape->passing);
        snprintf(name, sizeof name, "aes-random.%s-%zu", shape->name, sizes[index]);
        if (!fits(&request, longest_chain)) {
            info("left-out", "%s", name);
            continue;
        }
        const char *problem = round_trip(work, &request);
        check(name, !problem, "%s", problem);
    }
}

void test_aes_random(size_t longest_chain) {
    static const struct shape shapes[] = {
        {"whole", false, COPIED}, {"scattered", true, COPIED}, {"spliced", true, SPLICED}};
    const char *software = software_cipher();
    info("software-cipher", "%s", software ? software : "none");
    check("aes-random.software", software != NULL, "this kernel has no software AES-CBC");
    for (uint64_t index = 0; software && index < sizeof shapes / sizeof *shapes; index++) {
        struct work work;
        int error = work_open(&work, index + 1, LARGEST, software);
        check("aes-random.open", !error, "%s", strerror(error));
        if (!error)
            check_sizes(&work, &shapes[index], longest_chain);
        work_close(&work);
    }
}

#define THREADS 8
#define REQUESTS_PER_THREAD 60
#define LARGEST_IN_THREADS 16384

struct thread {
    pthread_t id;
    pthread_barrier_t *start;
    const char *software;
    uint64_t seed;
    // Set once the load is to end; absent where the number of requests is given.
    atomic_bool *enough;
    unsigned requests;
    uint64_t longest_ms;
    const char *problem;
};

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool goes_on(const struct thread *thread) {
    if (thread->problem)
        return false;
    return thread->enough ? !atomic_load(thread->enough) : thread->requests < REQUESTS_PER_THREAD;
}

static void *run_thread(void *argument) {
    struct thread *thread = argument;
    struct work work;
    int error = work_open(&work, thread->seed, LARGEST_IN_THREADS, thread->software);
    thread->problem = error ? strerror(error) : NULL;
    pthread_barrier_wait(thread->start);
    for (; goes_on(thread); thread->requests++) {
        size_t length = BLOCK * (1 + next_random(&work.random) % (LARGEST_IN_THREADS / BLOCK));
        struct request planned = plan(&work, length, thread->requests % 2, COPIED);
        uint64_t start = now_ms();
        thread->problem = round_trip(&work, &planned);
        uint64_t took_ms = now_ms() - start;
        if (took_ms > thread->longest_ms)
            thread->longest_ms = took_ms;
    }
    work_close(&work);
    return NULL;
}

// Runs the threads and checks each as NAME.1 and so on; with `enough` until the host
// says a line.
static void run_threads(const char *test, struct thread *threads, atomic_bool *enough) {
    // Threads that could not all be started still wait here when this returns.
    static pthread_barrier_t start;
    char name[32], line[64];
    const char *software = software_cipher();
    snprintf(name, sizeof name, "%s.software", test);
    check(name, software != NULL, "this kernel has no software AES-CBC");
    if (!software)
        return;
    pthread_barrier_init(&start, NULL, THREADS);
    for (int index = 0; index < THREADS; index++) {
        threads[index] = (struct thread){
            .start = &start, .software = software, .seed = 100 + (uint64_t)index, .enough = enough};
        if (pthread_create(&threads[index].id, NULL, run_thread, &threads[index])) {
            snprintf(name, sizeof name, "%s.create", test);
            check(name, false, "thread %d could not be started", index);
            return;
        }
    }
    if (enough) {
        if (!fgets(line, sizeof line, stdin))
            check("load.end", false, "the console cannot be read");
        atomic_store(enough, true);
    }
    for (int index = 0; index < THREADS; index++) {
        pthread_join(threads[index].id, NULL);
        snprintf(name, sizeof name, "%s.%d", test, index + 1);
        check(name, !threads[index].problem, "%s", threads[index].problem);
    }
}

void test_aes_threads(void) {
    static struct thread threads[THREADS];
    run_threads("threads", threads, NULL);
}

void test_aes_load(void) {
    static struct thread threads[THREADS];
    static atomic_bool enough;
    atomic_store(&enough, false);
    run_threads("load", threads, &enough);
    unsigned requests = 0;
    uint64_t longest_ms = 0;
    for (int index = 0; index < THREADS; index++) {
        // Each is encrypted and decrypted again.
        requests += 2 * threads[index].requests;
        if (threads[index].longest_ms > longest_ms)
            longest_ms = threads[index].longest_ms;
    }
    info("load.requests", "%u", requests);
    info("load.longest-ms", "%llu", (unsigned long long)longest_ms);
}
