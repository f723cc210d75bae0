/* SPDX-License-Identifier: Apache-2.0 */
/* What lies on disks, byte for byte, by version of its format: a device's home, and the log of its
 * user at the broker, in a world of one seed. Lines of text, bytes in hexadecimal digits:
 *
 *     instance ID             of the store
 *     user HASH               whose entries and records follow; zeros: nobody's
 *     entry WIRE              in the order in which they came
 *     record KEY VALUE
 *     file BYTES              of the home: its format, its keys
 *
 * A key or value that changes makes another version, with a text of its own; the texts before stay,
 * and what they say is opened by the program of today. Where only other random numbers are drawn,
 * all keys differ: then the texts are written anew. */
#include "tests/worlds/scene.h"

#include "broker/store/store_format.h"
#include "peer/bindings/inspection.h"
#include "tests/worlds/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 8, LINE_MAX = 1 << 16, LARGE = 200000 };
/* The last kind of those that lie on the disks of the versions that are kept here. */
static const record_kind last_kind = RECORDS_SETTINGS;

/* ---- A store as text ---- */

typedef struct {
    cf_store *store;
    cf_buffer *out;
} writer;

static void add_word(cf_buffer *out, const char *word, cf_bytes bytes)
{
    char *hex = cf_allocate(2 * bytes.size + 1, 1);

    cf_hex(bytes, hex);
    cf_buffer_append_text(out, "%s%s", word, hex);
    free(hex);
}

static void add_line(cf_buffer *out, const char *word, cf_bytes bytes)
{
    add_word(out, word, bytes);
    cf_buffer_append_text(out, "\n");
}

static bool add_entry(void *context, uint64_t position, cf_bytes wire)
{
    (void)position;
    add_line(context, "entry ", wire);
    return true;
}

static bool add_record(void *context, cf_bytes key, cf_bytes value)
{
    add_word(context, "record ", key);
    add_line(context, " ", value);
    return true;
}

static bool add_user(void *context, const cf_hash *user)
{
    writer *self = context;
    cf_error error;

    add_line(self->out, "user ", cf_bytes_of(user->bytes, CF_HASH_SIZE));
    expect_ok(self->store->read(self->store, user, 1, add_entry, self->out, &error), error);
    expect_ok(self->store->scan(self->store, user, (cf_bytes){0}, add_record, self->out, &error),
              error);
    return true;
}

static void write_store(cf_store *store, cf_buffer *out)
{
    uint8_t instance[16];
    cf_error error;

    store->instance(store, instance);
    add_line(out, "instance ", cf_bytes_of(instance, sizeof instance));
    add_user(&(writer){store, out}, &(cf_hash){0}); /* what belongs to no user */
    expect_ok(store->users(store, add_user, &(writer){store, out}, &error), error);
}

static void write_home(const device *of, cf_buffer *out)
{
    static const char *const names[] = {"/home/format", "/home/keys"};
    cf_buffer bytes = {0};

    write_store(cf_home_store(of->home), out);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert(disk_user_reads(of->drive, names[i], &bytes));
        add_line(out, "file ", cf_buffer_view(&bytes));
        cf_buffer_clear(&bytes);
    }
    cf_buffer_release(&bytes);
}

/* ---- Text as a store ---- */

typedef struct {
    cf_store_memory_disk *disk;
    cf_store *store;
    cf_hash user;
    uint64_t epoch;
    cf_error error;
} reader;

/* The bytes of the next word. */
static cf_bytes read_word(char **at, uint8_t *out)
{
    const char *word = strsep(at, " \n");
    const size_t size = strlen(word) / 2;

    cr_assert(cf_unhex(word, out, size));
    return cf_bytes_of(out, size);
}

static void note_append(void *context, cf_append_answer answer, uint64_t position,
                        const cf_error *error)
{
    (void)context, (void)position;
    cr_assert_eq(answer, CF_APPEND_STORED, "%s", error->text);
}

static void take_entry(reader *self, cf_bytes wire)
{
    cf_arena arena = {0};
    cf_entry entry;

    expect_ok(cf_entry_read(wire, &arena, &entry, &self->error), self->error);
    if (!self->epoch)
        expect_ok(self->store->acquire(self->store, &self->user, &self->epoch, &self->error),
                  self->error);
    self->store->append(self->store, &(cf_append){.user = self->user,
                                                  .epoch = self->epoch,
                                                  .entry = &entry,
                                                  .done = note_append});
    expect_ok(self->store->commit(self->store, &self->error), self->error);
    cf_arena_release(&arena);
}

static void take_line(reader *self, char *line)
{
    static uint8_t one[LINE_MAX], other[LINE_MAX];
    const char *what = strsep(&line, " ");
    const cf_bytes first = read_word(&line, one);

    if (strcmp(what, "instance") == 0) {
        self->disk = cf_store_memory_disk_new(first.data);
        self->store = cf_store_memory_new(self->disk);
    } else if (strcmp(what, "user") == 0) {
        memcpy(self->user.bytes, first.data, CF_HASH_SIZE);
        self->epoch = 0;
    } else if (strcmp(what, "entry") == 0) {
        take_entry(self, first);
    } else if (strcmp(what, "record") == 0) {
        const cf_kv record = {first, read_word(&line, other)};

        expect_ok(self->store->write(self->store, &self->user, &record, 1, true, &self->error),
                  self->error);
    }
}

/* ---- Files of them ---- */

static int version_of_home(const device *of)
{
    cf_buffer format = {0};

    cr_assert(disk_user_reads(of->drive, "/home/format", &format));
    cf_buffer_append(&format, "", 1);
    const int version = atoi((const char *)format.data);
    cf_buffer_release(&format);
    return version;
}

/* NULL: there is none of this version. */
static FILE *open_text(const char *what, int version, char path[4096])
{
    snprintf(path, 4096, "%s/%s-%d.txt", CF_STORED_HERE, what, version);
    return fopen(path, "r");
}

/* NULL: the same. */
static cf_store_memory_disk *read_text(const char *what, int version)
{
    static char line[LINE_MAX];
    char path[4096];
    reader self = {0};
    FILE *file = open_text(what, version, path);

    if (!file)
        return NULL;
    while (fgets(line, sizeof line, file))
        take_line(&self, line);
    fclose(file);
    cf_store_destroy(&self.store);
    return self.disk;
}

/* What there is now is written beside the test's program, and stays if it is another. */
static void expect_text(const char *what, int version, const char *raises, cf_buffer *is)
{
    static char was[LINE_MAX];
    char path[4096], now[64];
    FILE *file = open_text(what, version, path);
    const char *at = (const char *)is->data;

    snprintf(now, sizeof now, "%s-%d.now", what, version);
    cf_buffer_append(is, "", 1);
    FILE *out = fopen(now, "w");
    fwrite(is->data, 1, is->size - 1, out);
    fclose(out);
    cr_assert(file, "version %d has no %s: it is in %s", version, path, now);
    for (int number = 1; *at; number++) {
        const char *end = strchr(at, '\n') + 1;

        if (!fgets(was, sizeof was, file))
            *was = '\0';
        cr_assert(
            strncmp(was, at, (size_t)(end - at)) == 0,
            "%s:%d: what lies on the disk changed: raise %s, or put it back; what there is now "
            "is in %s (where all keys differ, other random numbers are drawn: that is no "
            "change)\nwas %sis  %.*s",
            path, number, raises, now, was, (int)(end - at), at);
        at = end;
    }
    cr_assert(!fgets(was, sizeof was, file), "%s: no longer there: %s", path, was);
    fclose(file);
    remove(now);
}

/* ---- The world ---- */

/* Of this collection, all of it, for an hour. */
static void locks(device *who, const cf_id *collection)
{
    const cf_lock_wish wish = {.collection = *collection, .for_ms = 3600000};
    cf_error error;

    expect_ok(cf_locks_ask(cf_engine_locks(who->engine), &wish, &who->lock, &error), error);
}

/* The first device has files, a table, cards and settings; the other has locked the files, and
 * edits while it is offline. */
static world *a_household(void)
{
    static uint8_t large[LARGE];
    world *w = a_world_with(SEED, 2, (2u << last_kind) - 1);
    device *first = &w->devices[0], *other = &w->devices[1];

    cr_assert(disk_user_makes_folder(first->drive, "/things/letters"));
    cr_assert(disk_user_writes(first->drive, "/things/letters/ann", "Dear Ann"));
    cr_assert(disk_user_writes(first->drive, "/things/note", "one"));
    for (record_kind kind = 0; kind <= last_kind; kind++)
        records_go_on(first, kind, kind + 1);
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (uint8_t)(i * i >> 8);
    cr_assert(disk_user_saves(first->drive, "/things/large", cf_bytes_of(large, LARGE),
                              DISK_SAVE_IN_PLACE));
    cr_assert(syncs(first));
    cr_assert(syncs(other));
    locks(other, &w->collection);
    cr_assert(syncs(other));
    other->offline = true;
    cr_assert(disk_user_writes(other->drive, "/things/note", "two"));
    cr_assert(disk_user_removes(other->drive, "/things/letters/ann"));
    records_go_on(other, RECORDS_TABLE, 9);
    cr_assert_not(syncs(other));
    device_restart(other, END_CALMLY);
    return w;
}

Test(stored, home_has_the_bytes_of_its_version)
{
    world *w = a_household();
    cf_buffer text = {0};

    write_home(&w->devices[1], &text);
    expect_text("home", version_of_home(&w->devices[1]), "FORMAT of peer/log/home.c", &text);
    cf_buffer_release(&text);
    world_destroy(&w);
}

Test(stored, log_of_a_broker_has_the_bytes_of_its_version)
{
    world *w = a_household();
    cf_buffer text = {0};

    write_store(w->brokers[0].broker.store, &text);
    expect_text("log", CF_STORE_FORMAT, "CF_STORE_FORMAT of broker/store/store_format.h", &text);
    cf_buffer_release(&text);
    world_destroy(&w);
}

static void note_damage(void *context, const cf_damage *damage)
{
    (void)context;
    cr_expect(false, "%s", damage->what);
}

/* What was unsent then is sent now. */
static void expect_opened(cf_store_memory_disk *home, cf_store_memory_disk *log)
{
    world *w = a_household();
    device *other = &w->devices[1];
    world_broker *broker = &w->brokers[0];
    cf_buffer note = {0};
    cf_error error;

    device_copy(other);
    cf_store_memory_disk_destroy(&other->old_disk);
    other->old_disk = home;
    device_restore(other, false);
    broker_copy(broker);
    cf_store_memory_disk_destroy(&broker->old_disk);
    broker->old_disk = log;
    broker_crash(broker, BROKER_AS_OF_OLD);
    expect_ok(cf_inspect_store(other->home, note_damage, NULL, &error), error);
    expect_ok(cf_inspect(device_peer(other), note_damage, NULL, &error), error);
    other->offline = false;
    cr_assert(world_settle(w));
    cr_assert(disk_user_reads(w->devices[0].drive, "/things/note", &note));
    cr_assert(cf_bytes_equal(cf_buffer_view(&note), cf_bytes_of_text("two")));
    cf_buffer_release(&note);
    expect_tree_of(w, other);
    world_destroy(&w);
}

Test(stored, what_any_version_has_left_is_opened_and_whole_and_synced)
{
    world *w = a_household();
    const int home = version_of_home(&w->devices[1]);
    int opened = 0;

    world_destroy(&w);
    for (int version = 1; version <= home || version <= CF_STORE_FORMAT; version++) {
        cf_store_memory_disk *of_home = read_text("home", version),
                             *of_log = read_text("log", version);

        if (of_home || of_log) {
            expect_opened(of_home ? of_home : read_text("home", home),
                          of_log ? of_log : read_text("log", CF_STORE_FORMAT));
            opened++;
        }
    }
    cr_assert_geq(opened, 1);
}
