/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/costs/tally.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[TALLY_KINDS] = {
    [TALLY_GETS] = "gets",           [TALLY_SCANS] = "scans",     [TALLY_SHOWN] = "shown",
    [TALLY_WRITES] = "writes",       [TALLY_RECORDS] = "records", [TALLY_BLOBS] = "blobs",
    [TALLY_STATS] = "stats",         [TALLY_OPENS] = "opens",     [TALLY_LISTS] = "lists",
    [TALLY_CHANGES] = "changes",     [TALLY_READS] = "reads",     [TALLY_PUTS] = "puts",
    [TALLY_SYNCS] = "syncs",         [TALLY_JOBS] = "jobs",       [TALLY_MESSAGES] = "messages",
    [TALLY_STRETCHES] = "stretches",
};

void tally_say(const tally *self, char text[TALLY_TEXT])
{
    size_t size = 0;

    text[0] = 0;
    for (int i = 0; i < TALLY_STRETCHES; i++)
        if (self->of[i])
            size += (size_t)snprintf(text + size, TALLY_TEXT - size, "%s%s %llu", size ? ", " : "",
                                     kinds[i], (unsigned long long)self->of[i]);
}

/* ---- Stretches of code ---- */

enum { PLACES = 1 << 20 };

static uint64_t stretches;
static bool is_counting;
extern char __executable_start[];
/* TALLY_PLACES=FILE in the environment: how often each place of the program was come by in the last
 * act, for `addr2line -e PROGRAM`. */
static uint32_t *places;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    if (!is_counting)
        return;
    stretches++;
    if (places)
        places[(uintptr_t)((char *)__builtin_return_address(0) - __executable_start) % PLACES]++;
}

static void begin_places(void)
{
    if (getenv("TALLY_PLACES") && !places)
        places = calloc(PLACES, sizeof *places);
    if (places)
        memset(places, 0, PLACES * sizeof *places);
}

static void write_places(size_t beside)
{
    char name[256];

    if (!places)
        return;
    snprintf(name, sizeof name, "%s.%zu", getenv("TALLY_PLACES"), beside);
    FILE *file = fopen(name, "w");
    for (size_t i = 0; file && i < PLACES; i++)
        if (places[i])
            fprintf(file, "%u 0x%zx\n", places[i], i - 1);
    if (file)
        fclose(file);
}

void tally_begin(tally *counted)
{
    *counted = (tally){{0}};
    begin_places();
    stretches = 0;
    is_counting = true;
}

void tally_end(tally *counted)
{
    is_counting = false;
    counted->of[TALLY_STRETCHES] = stretches;
}

typedef struct {
    const char *name;
    tally_act *cost_beside;
    void *context;
    const char *const *known;
    uint64_t stretches[TALLY_SIZES];
} measuring;

static void measure(measuring *self)
{
    char text[TALLY_TEXT];

    for (size_t i = 0, beside = TALLY_FEW; i < TALLY_SIZES; i++, beside *= TALLY_TIMES) {
        tally cost = self->cost_beside(self->context, beside);

        write_places(beside);
        tally_say(&cost, text);
        cr_expect_str_eq(text, self->known[i], "%s beside %zu costs: %s\n  known: %s", self->name,
                         beside, text, self->known[i]);
        self->stretches[i] = cost.of[TALLY_STRETCHES];
        cr_expect_gt(self->stretches[i], 0, "%s: no stretches are counted", self->name);
    }
}

enum { LOOKING_UP = 250 }; /* in what is sorted: some steps more, each time that it is looked up */

void tally_expect(const char *name, tally_act *cost_beside, void *context,
                  const char *const known[TALLY_SIZES])
{
    measuring self = {name, cost_beside, context, known, {0}};

    measure(&self);
    for (size_t i = 1, beside = TALLY_FEW; i < TALLY_SIZES; i++) {
        beside *= TALLY_TIMES;
        cr_expect_lt(self.stretches[i], self.stretches[0] + LOOKING_UP + beside / 4,
                     "%s: %llu stretches of code beside %d, %llu beside %zu", name,
                     (unsigned long long)self.stretches[0], TALLY_FEW,
                     (unsigned long long)self.stretches[i], beside);
    }
}

/* The difference grows as often as the number, and somewhat more where they are sorted. */
void tally_expect_linear(const char *name, tally_act *cost_beside, void *context,
                         const char *const known[TALLY_SIZES])
{
    measuring self = {name, cost_beside, context, known, {0}};

    measure(&self);
    const uint64_t first = self.stretches[1] - self.stretches[0],
                   second = self.stretches[2] - self.stretches[1];
    cr_expect_lt(second, first * TALLY_TIMES * 3 / 2 + LOOKING_UP,
                 "%s: %llu stretches of code for the next %d things, %llu for the next %d", name,
                 (unsigned long long)first, TALLY_FEW * (TALLY_TIMES - 1),
                 (unsigned long long)second, TALLY_FEW * TALLY_TIMES * (TALLY_TIMES - 1));
}

/* ---- What is counted, and what it did before ---- */

enum { COUNTED_MAX = 64 };

typedef struct {
    const void *at;
    tally *into;
    union {
        cf_store store;
        cf_blobs blobs;
        cf_files files;
        cf_jobs jobs;
    } was;
} counted;

static counted all[COUNTED_MAX];
static size_t count;

static counted *find(const void *at)
{
    for (size_t i = 0; i < count; i++)
        if (all[i].at == at)
            return &all[i];
    return NULL;
}

static counted *add(const void *at, tally *into)
{
    counted *found = find(at);

    if (!found && count == COUNTED_MAX)
        abort();
    if (!found)
        found = &all[count++];
    *found = (counted){.at = at, .into = into};
    return found;
}

static counted *one_more(const void *at, tally_kind kind)
{
    counted *found = find(at);

    found->into->of[kind]++;
    return found;
}

/* ---- Stores ---- */

static void append(cf_store *store, const cf_append *append)
{
    counted *self = one_more(store, TALLY_WRITES);

    self->into->of[TALLY_RECORDS] += append->record_count;
    self->was.store.append(store, append);
}

static cf_status write_records(cf_store *store, const cf_hash *user, const cf_kv *records,
                               size_t record_count, bool synced, cf_error *error)
{
    counted *self = one_more(store, TALLY_WRITES);

    self->into->of[TALLY_RECORDS] += record_count;
    return self->was.store.write(store, user, records, record_count, synced, error);
}

static cf_status commit(cf_store *store, cf_error *error)
{
    return find(store)->was.store.commit(store, error);
}

#define GET(name, parameters, arguments)                                                           \
    static cf_status store_##name parameters                                                       \
    {                                                                                              \
        return one_more(store, TALLY_GETS)->was.store.name arguments;                              \
    }

GET(last, (cf_store * store, const cf_hash *user, uint64_t *position, cf_error *error),
    (store, user, position, error))
GET(size, (cf_store * store, const cf_hash *user, uint64_t *size, cf_error *error),
    (store, user, size, error))
GET(find,
    (cf_store * store, const cf_hash *user, const cf_head *entry, uint64_t *position,
     cf_error *error),
    (store, user, entry, position, error))
GET(get, (cf_store * store, const cf_hash *user, cf_bytes key, cf_buffer *value, cf_error *error),
    (store, user, key, value, error))

/* What is shown passes by here. */
typedef struct {
    tally *into;
    union {
        cf_entry_visit *entry;
        cf_chain_visit *chain;
        cf_head_visit *head;
        cf_record_visit *record;
    } visit;
    void *context;
} shown;

static bool on_entry(void *context, uint64_t position, cf_bytes wire)
{
    shown *self = context;

    self->into->of[TALLY_SHOWN]++;
    return self->visit.entry(self->context, position, wire);
}

static bool on_chain(void *context, const cf_head *entry, uint64_t position)
{
    shown *self = context;

    self->into->of[TALLY_SHOWN]++;
    return self->visit.chain(self->context, entry, position);
}

static bool on_head(void *context, const cf_head *head)
{
    shown *self = context;

    self->into->of[TALLY_SHOWN]++;
    return self->visit.head(self->context, head);
}

static bool on_record(void *context, cf_bytes key, cf_bytes value)
{
    shown *self = context;

    self->into->of[TALLY_SHOWN]++;
    return self->visit.record(self->context, key, value);
}

static cf_status store_read(cf_store *store, const cf_hash *user, uint64_t position,
                            cf_entry_visit *visit, void *context, cf_error *error)
{
    counted *self = one_more(store, TALLY_SCANS);
    shown through = {.into = self->into, .visit.entry = visit, .context = context};

    return self->was.store.read(store, user, position, on_entry, &through, error);
}

static cf_status store_chain(cf_store *store, const cf_hash *user, const cf_id *writer,
                             uint64_t sequence, cf_chain_visit *visit, void *context,
                             cf_error *error)
{
    counted *self = one_more(store, TALLY_SCANS);
    shown through = {.into = self->into, .visit.chain = visit, .context = context};

    return self->was.store.chain(store, user, writer, sequence, on_chain, &through, error);
}

static cf_status store_heads(cf_store *store, const cf_hash *user, cf_head_visit *visit,
                             void *context, cf_error *error)
{
    counted *self = one_more(store, TALLY_SCANS);
    shown through = {.into = self->into, .visit.head = visit, .context = context};

    return self->was.store.heads(store, user, on_head, &through, error);
}

static cf_status store_scan(cf_store *store, const cf_hash *user, cf_bytes prefix,
                            cf_record_visit *visit, void *context, cf_error *error)
{
    counted *self = one_more(store, TALLY_SCANS);
    shown through = {.into = self->into, .visit.record = visit, .context = context};

    return self->was.store.scan(store, user, prefix, on_record, &through, error);
}

void tally_store(cf_store *store, tally *into)
{
    add(store, into)->was.store = *store;
    store->append = append;
    store->write = write_records;
    store->commit = commit;
    store->last = store_last;
    store->size = store_size;
    store->find = store_find;
    store->get = store_get;
    store->read = store_read;
    store->chain = store_chain;
    store->heads = store_heads;
    store->scan = store_scan;
}

/* ---- Blobs ---- */

static void put(cf_blobs *blobs, const cf_blob_put *put)
{
    one_more(blobs, TALLY_BLOBS)->was.blobs.put(blobs, put);
}

static bool on_blob(void *context, const cf_blob_info *blob)
{
    void **through = context;
    cf_blob_visit *visit = *(cf_blob_visit **)through[1];

    ((tally *)through[0])->of[TALLY_SHOWN]++;
    return visit(through[2], blob);
}

static cf_status list_blobs(cf_blobs *blobs, const cf_hash *user, uint8_t first,
                            cf_blob_visit *visit, void *context, cf_error *error)
{
    counted *self = one_more(blobs, TALLY_BLOBS);
    void *through[] = {self->into, &visit, context};

    return self->was.blobs.list(blobs, user, first, on_blob, through, error);
}

#define BLOB(name, parameters, arguments)                                                          \
    static cf_status blobs_##name parameters                                                       \
    {                                                                                              \
        return one_more(blobs, TALLY_BLOBS)->was.blobs.name arguments;                             \
    }

BLOB(held,
     (cf_blobs * blobs, const cf_hash *user, const cf_hash *id, cf_blob_held *out, cf_error *error),
     (blobs, user, id, out, error))
BLOB(first_bytes,
     (cf_blobs * blobs, const cf_hash *user, cf_blob_first_bytes *out, cf_error *error),
     (blobs, user, out, error))
BLOB(get,
     (cf_blobs * blobs, const cf_hash *user, const cf_hash *id, uint64_t offset, size_t size,
      cf_buffer *out, uint64_t *total, cf_error *error),
     (blobs, user, id, offset, size, out, total, error))
BLOB(drop, (cf_blobs * blobs, const cf_hash *user, const cf_hash *id, cf_error *error),
     (blobs, user, id, error))
BLOB(drop_upload, (cf_blobs * blobs, const cf_hash *user, const cf_hash *id, cf_error *error),
     (blobs, user, id, error))

void tally_blobs(cf_blobs *blobs, tally *into)
{
    add(blobs, into)->was.blobs = *blobs;
    blobs->put = put;
    blobs->list = list_blobs;
    blobs->held = blobs_held;
    blobs->first_bytes = blobs_first_bytes;
    blobs->get = blobs_get;
    blobs->drop = blobs_drop;
    blobs->drop_upload = blobs_drop_upload;
}

/* ---- Files ---- */

#define FILE_CALL(name, kind, parameters, arguments)                                               \
    static cf_status files_##name parameters                                                       \
    {                                                                                              \
        return one_more(files, kind)->was.files.name arguments;                                    \
    }

FILE_CALL(open_root, TALLY_OPENS,
          (cf_files * files, const char *path, cf_folder **out, cf_error *error),
          (files, path, out, error))
FILE_CALL(open_folder, TALLY_OPENS,
          (cf_files * files, const cf_folder *parent, cf_bytes name, cf_folder **out,
           cf_error *error),
          (files, parent, name, out, error))
FILE_CALL(open_below, TALLY_OPENS,
          (cf_files * files, const cf_folder *parent, const cf_bytes *names, size_t names_count,
           cf_folder **out, cf_error *error),
          (files, parent, names, names_count, out, error))
FILE_CALL(make_folder, TALLY_CHANGES,
          (cf_files * files, const cf_folder *parent, cf_bytes name, uint32_t mode,
           cf_error *error),
          (files, parent, name, mode, error))
FILE_CALL(stat_folder, TALLY_STATS,
          (cf_files * files, const cf_folder *folder, cf_stat *out, cf_error *error),
          (files, folder, out, error))
FILE_CALL(filesystem, TALLY_STATS,
          (cf_files * files, const cf_folder *folder, cf_filesystem *out, cf_error *error),
          (files, folder, out, error))
FILE_CALL(is_below, TALLY_STATS,
          (cf_files * files, const cf_folder *folder, const cf_folder *root, bool *out,
           cf_error *error),
          (files, folder, root, out, error))
FILE_CALL(free_bytes, TALLY_STATS,
          (cf_files * files, const cf_folder *folder, uint64_t *out, uint64_t *whole,
           cf_error *error),
          (files, folder, out, whole, error))
FILE_CALL(list, TALLY_LISTS,
          (cf_files * files, const cf_folder *folder, cf_name_visit *visit, void *context,
           cf_error *error),
          (files, folder, visit, context, error))
FILE_CALL(stat, TALLY_STATS,
          (cf_files * files, const cf_folder *folder, cf_bytes name, cf_stat *out, cf_error *error),
          (files, folder, name, out, error))
FILE_CALL(stat_now, TALLY_STATS,
          (cf_files * files, const cf_folder *folder, cf_bytes name, cf_stat *out, cf_error *error),
          (files, folder, name, out, error))
FILE_CALL(stat_file, TALLY_STATS,
          (cf_files * files, const cf_file *file, cf_stat *out, cf_error *error),
          (files, file, out, error))
FILE_CALL(open_file, TALLY_OPENS,
          (cf_files * files, const cf_folder *folder, cf_bytes name, cf_file **out,
           cf_error *error),
          (files, folder, name, out, error))
FILE_CALL(create_file, TALLY_OPENS,
          (cf_files * files, const cf_folder *folder, cf_bytes name, uint32_t mode, cf_file **out,
           cf_error *error),
          (files, folder, name, mode, out, error))
FILE_CALL(reopen_file, TALLY_OPENS,
          (cf_files * files, const cf_folder *folder, cf_bytes name, cf_file **out,
           cf_error *error),
          (files, folder, name, out, error))
FILE_CALL(rename, TALLY_CHANGES,
          (cf_files * files, const cf_folder *from_folder, cf_bytes from,
           const cf_folder *to_folder, cf_bytes to, cf_error *error),
          (files, from_folder, from, to_folder, to, error))
FILE_CALL(exchange, TALLY_CHANGES,
          (cf_files * files, const cf_folder *a_folder, cf_bytes a, const cf_folder *b_folder,
           cf_bytes b, cf_error *error),
          (files, a_folder, a, b_folder, b, error))
FILE_CALL(replace, TALLY_CHANGES,
          (cf_files * files, const cf_folder *from_folder, cf_bytes from,
           const cf_folder *to_folder, cf_bytes to, cf_error *error),
          (files, from_folder, from, to_folder, to, error))
FILE_CALL(link, TALLY_CHANGES,
          (cf_files * files, const cf_folder *from_folder, cf_bytes from,
           const cf_folder *to_folder, cf_bytes to, cf_error *error),
          (files, from_folder, from, to_folder, to, error))
FILE_CALL(unlink, TALLY_CHANGES,
          (cf_files * files, const cf_folder *folder, cf_bytes name, cf_error *error),
          (files, folder, name, error))
FILE_CALL(remove_folder, TALLY_CHANGES,
          (cf_files * files, const cf_folder *folder, cf_bytes name, cf_error *error),
          (files, folder, name, error))
FILE_CALL(set_mode, TALLY_CHANGES,
          (cf_files * files, const cf_folder *folder, cf_bytes name, uint32_t mode,
           cf_error *error),
          (files, folder, name, mode, error))
FILE_CALL(set_mtime, TALLY_CHANGES,
          (cf_files * files, const cf_folder *folder, cf_bytes name, int64_t mtime_ns,
           cf_error *error),
          (files, folder, name, mtime_ns, error))
FILE_CALL(set_file_mode, TALLY_CHANGES,
          (cf_files * files, const cf_file *file, uint32_t mode, cf_error *error),
          (files, file, mode, error))
FILE_CALL(set_file_mtime, TALLY_CHANGES,
          (cf_files * files, const cf_file *file, int64_t mtime_ns, cf_error *error),
          (files, file, mtime_ns, error))
FILE_CALL(read_at, TALLY_READS,
          (cf_files * files, const cf_file *file, uint64_t offset, void *buffer, size_t size,
           size_t *read, cf_error *error),
          (files, file, offset, buffer, size, read, error))
FILE_CALL(write_at, TALLY_PUTS,
          (cf_files * files, const cf_file *file, uint64_t offset, cf_bytes bytes, cf_error *error),
          (files, file, offset, bytes, error))
FILE_CALL(truncate, TALLY_PUTS,
          (cf_files * files, const cf_file *file, uint64_t size, cf_error *error),
          (files, file, size, error))
FILE_CALL(sync_file, TALLY_SYNCS, (cf_files * files, const cf_file *file, cf_error *error),
          (files, file, error))
FILE_CALL(sync_folder, TALLY_SYNCS, (cf_files * files, const cf_folder *folder, cf_error *error),
          (files, folder, error))

static void sync_several(cf_files *files, cf_file_sync *syncs, size_t syncs_count)
{
    counted *self = find(files);

    self->into->of[TALLY_SYNCS] += syncs_count;
    self->was.files.sync_files(files, syncs, syncs_count);
}

static void tally_names_of(cf_files *files)
{
    files->stat = files_stat;
    files->stat_now = files_stat_now;
    files->rename = files_rename;
    files->exchange = files_exchange;
    files->replace = files_replace;
    files->link = files_link;
    files->unlink = files_unlink;
    files->remove_folder = files_remove_folder;
    files->make_folder = files_make_folder;
    files->set_mode = files_set_mode;
    files->set_mtime = files_set_mtime;
}

void tally_files(cf_files *files, tally *into)
{
    add(files, into)->was.files = *files;
    tally_names_of(files);
    files->open_root = files_open_root;
    files->open_folder = files_open_folder;
    if (files->open_below)
        files->open_below = files_open_below;
    files->stat_folder = files_stat_folder;
    files->filesystem = files_filesystem;
    files->is_below = files_is_below;
    files->free_bytes = files_free_bytes;
    files->list = files_list;
    files->stat_file = files_stat_file;
    files->open_file = files_open_file;
    files->create_file = files_create_file;
    files->reopen_file = files_reopen_file;
    files->set_file_mode = files_set_file_mode;
    files->set_file_mtime = files_set_file_mtime;
    files->read_at = files_read_at;
    files->write_at = files_write_at;
    files->truncate = files_truncate;
    files->sync_file = files_sync_file;
    files->sync_folder = files_sync_folder;
    files->sync_files = sync_several;
}

/* ---- Jobs ---- */

static void submit(cf_jobs *jobs, cf_job *job)
{
    one_more(jobs, TALLY_JOBS)->was.jobs.submit(jobs, job);
}

void tally_jobs(cf_jobs *jobs, tally *into)
{
    add(jobs, into)->was.jobs = *jobs;
    jobs->submit = submit;
}
