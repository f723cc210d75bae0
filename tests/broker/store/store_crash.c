/* SPDX-License-Identifier: Apache-2.0 */
/* Kills a process that appends, again and again, and expects that each entry whose position it told
 * is there afterwards, with its record. A program of its own: RocksDB's threads don't survive a
 * fork, so the parent never opens the store. */
#include "broker/store/store.h"
#include "codec/entry.h"

#include <dirent.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = 10, BATCH = 8 };

static const cf_hash user = {"a user"};
static uint8_t key[32], secret[64];

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "store_crash: %s\n", what);
    exit(1);
}

static cf_store *open_store(const char *path)
{
    static const uint8_t instance[16];
    cf_store_options options = {.path = path, .random = instance, .write_buffer = 1 << 18};
    cf_store *store;
    cf_error error;

    must(cf_store_rocksdb_open(&options, &store, &error) == CF_OK, error.text);
    return store;
}

/* Where an acknowledged position goes. */
static int told;

static void tell(void *context, cf_append_answer answer, uint64_t position, const cf_error *error)
{
    (void)context;
    must(answer == CF_APPEND_STORED, error->text);
    must(write(told, &position, sizeof position) == sizeof position, "telling a position");
}

static void append_one(cf_store *store, uint64_t epoch, cf_header *next)
{
    static uint8_t body[3000];
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;
    cf_hash hash;
    uint8_t number[8];
    cf_put_u64(number, next->sequence);
    cf_kv record = {cf_bytes_of(number, 8), cf_bytes_of(number, 8)};

    must(cf_entry_build(next, cf_bytes_of(body, sizeof body), secret, &wire, &hash, &error) ==
             CF_OK,
         error.text);
    must(cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &error) == CF_OK, error.text);
    store->append(store, &(cf_append){.user = user,
                                      .epoch = epoch,
                                      .entry = &entry,
                                      .records = &record,
                                      .record_count = 1,
                                      .done = tell});
    next->previous = hash;
    next->sequence++;
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
}

/* Begins a new writer, and appends until it is killed. */
static void append_for_ever(const char *path)
{
    cf_header next = {
        .version = CF_ENTRY_VERSION, .type = CF_ENTRY_CHANGE, .user = user, .sequence = 1};
    cf_store *store = open_store(path);
    cf_error error;
    uint64_t epoch;

    next.device = cf_device_id(key);
    memset(next.collection.bytes, 'c', CF_ID_SIZE);
    memset(next.epoch.bytes, 'e', CF_HASH_SIZE);
    randombytes_buf(next.previous.bytes, 16);
    next.writer = cf_writer_id(&user, &next.device, &next.collection, next.previous.bytes);
    must(store->acquire(store, &user, &epoch, &error) == CF_OK, error.text);
    for (;;) {
        for (int i = 0; i < BATCH; i++)
            append_one(store, epoch, &next);
        must(store->commit(store, &error) == CF_OK, error.text);
    }
}

typedef struct {
    cf_store *store;
    uint64_t next;
} checking;

static bool check_entry(void *context, uint64_t position, cf_bytes wire)
{
    checking *it = context;
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_entry entry;
    cf_error error;
    uint8_t number[8];

    must(position == it->next++, "a position is missing");
    must(cf_entry_read(wire, &arena, &entry, &error) == CF_OK, error.text);
    cf_put_u64(number, entry.header.sequence);
    must(it->store->get(it->store, &user, cf_bytes_of(number, 8), &value, &error) == CF_OK,
         "an entry without its record");
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return true;
}

static void complain(void *context, const cf_hash *whose, const cf_error *what)
{
    (void)context, (void)whose;
    must(false, what->text);
}

static void check(const char *path, uint64_t acknowledged)
{
    checking it = {open_store(path), 1};
    cf_error error;

    must(it.store->read(it.store, &user, 1, check_entry, &it, &error) == CF_OK, error.text);
    must(it.next > acknowledged, "an acknowledged entry is gone");
    must(it.store->verify(it.store, complain, NULL, &error) == CF_OK, error.text);
    cf_store_destroy(&it.store);
}

/* Reads positions until there were `count`, kills, and reads what was told before. */
static uint64_t kill_after(pid_t child, int from, unsigned count)
{
    uint64_t position, last = 0;

    for (unsigned i = 0; read(from, &position, sizeof position) == sizeof position; i++) {
        last = position;
        if (i == count)
            kill(child, SIGKILL);
    }
    return last;
}

static void run_once(const char *path, unsigned count, uint64_t *acknowledged)
{
    int positions[2], status;

    must(pipe(positions) == 0, "pipe");
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        close(positions[0]);
        told = positions[1];
        append_for_ever(path);
    }
    close(positions[1]);
    uint64_t last = kill_after(child, positions[0], count);
    close(positions[0]);
    waitpid(child, &status, 0);
    must(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the writer ended by itself");
    must(last > *acknowledged, "nothing was acknowledged");
    *acknowledged = last;

    child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        check(path, last);
        exit(0);
    }
    waitpid(child, &status, 0);
    must(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the store is not whole");
}

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    while ((entry = readdir(folder)))
        unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(path);
}

int main(void)
{
    char path[] = "/tmp/counterfoil-crash-XXXXXX";
    uint64_t acknowledged = 0;

    must(sodium_init() >= 0 && mkdtemp(path) != NULL, "setting up");
    crypto_sign_keypair(key, secret);
    for (int i = 0; i < KILLS; i++)
        run_once(path, 1 + randombytes_uniform(400), &acknowledged);
    printf("%d kills, %" PRIu64 " acknowledged entries, none lost\n", KILLS, acknowledged);
    remove_folder(path);
    return 0;
}
