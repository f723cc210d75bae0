/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/faulty_disk.h"

#include "tests/support/folding_disk.h"

#include <errno.h>
#include <stdlib.h>

typedef enum { READS, ACCESS, CHANGES, MOVES, NAMES, BYTES } call_kind;

/* Whether the call that is about to be made fails. */
static bool fails(disk_faults *faults, call_kind kind)
{
    if ((kind == READS || kind == ACCESS) && !faults->reads)
        return false;
    faults->calls++;
    if (faults->calls == faults->at && faults->meanwhile) {
        void (*meanwhile)(void *context) = faults->meanwhile;

        faults->meanwhile = NULL; /* it may ask for another one */
        meanwhile(faults->context);
    }
    return faults->at && faults->status && (!faults->moves || kind == MOVES) &&
           (!faults->names || kind == NAMES) && (!faults->access || kind == ACCESS) &&
           (!faults->bytes || kind == BYTES) &&
           (faults->once ? faults->calls == faults->at : faults->calls >= faults->at);
}

/* ---- Files ---- */

typedef struct {
    cf_files base;
    cf_files *inner;
    disk_faults *faults;
    folding_files folding;
} faulty_files;

/* Made anew at each call: what is behind may be changed meanwhile. */
static cf_files *files_behind(cf_files *files)
{
    faulty_files *self = (faulty_files *)files;
    const disk_lacks *lacks = &self->faults->lacks;

    if (!lacks->folds)
        return self->inner;
    folding_files_put(&self->folding, self->inner, lacks->refuses);
    self->folding.keeps_case = lacks->keeps_case;
    self->folding.stripped = lacks->strips;
    self->folding.folds_unicode = lacks->folds_unicode;
    self->folding.refusal = lacks->refusal;
    self->folding.longest = lacks->longest;
    return &self->folding.base;
}

static bool file_call_fails(cf_files *files, call_kind kind, cf_error *error)
{
    disk_faults *faults = ((faulty_files *)files)->faults;

    return fails(faults, kind) &&
           cf_fail(error, faults->status, "call %llu: it fails", (unsigned long long)faults->calls);
}

/* A call that may fail: its kind, name, parameters and arguments. */
#define CALL(kind, name, parameters, arguments)                                                    \
    static cf_status name##_call parameters                                                        \
    {                                                                                              \
        if (file_call_fails(files, kind, error))                                                   \
            return error->status;                                                                  \
        files = files_behind(files);                                                               \
        return files->name arguments;                                                              \
    }

CALL(CHANGES, sync_file, (cf_files * files, const cf_file *file, cf_error *error),
     (files, file, error))
CALL(NAMES, sync_folder, (cf_files * files, const cf_folder *folder, cf_error *error),
     (files, folder, error))

CALL(CHANGES, make_root, (cf_files * files, const char *path, uint32_t mode, cf_error *error),
     (files, path, mode, error))
CALL(READS, open_root, (cf_files * files, const char *path, cf_folder **out, cf_error *error),
     (files, path, out, error))
CALL(READS, open_folder,
     (cf_files * files, const cf_folder *parent, cf_bytes name, cf_folder **out, cf_error *error),
     (files, parent, name, out, error))
static cf_status open_below_call(cf_files *files, const cf_folder *parent, const cf_bytes *names,
                                 size_t count, cf_folder **out, cf_error *error)
{
    if (file_call_fails(files, READS, error))
        return error->status;
    return cf_files_open_below(files_behind(files), parent, names, count, out, error);
}

CALL(CHANGES, make_folder,
     (cf_files * files, const cf_folder *parent, cf_bytes name, uint32_t mode, cf_error *error),
     (files, parent, name, mode, error))
CALL(READS, is_below,
     (cf_files * files, const cf_folder *folder, const cf_folder *root, bool *out, cf_error *error),
     (files, folder, root, out, error))
CALL(READS, list,
     (cf_files * files, const cf_folder *folder, cf_name_visit *visit, void *context,
      cf_error *error),
     (files, folder, visit, context, error))
static cf_status filesystem_call(cf_files *files, const cf_folder *folder, cf_filesystem *out,
                                 cf_error *error)
{
    const disk_faults *faults = ((faulty_files *)files)->faults;

    if (file_call_fails(files, READS, error))
        return error->status;
    files = files_behind(files);
    cf_status status = files->filesystem(files, folder, out, error);
    if (!status)
        out->id += faults->lacks.kind;
    if (!status)
        out->is_fuse |= faults->lacks.fuse;
    return status;
}

/* What this disk shows of what the one behind it has. */
static cf_status show(const disk_faults *faults, cf_status status, cf_stat *out)
{
    const int64_t earliest_ns = faults->lacks.earliest_ns, latest_ns = faults->lacks.latest_ns;

    if (!status && faults->lacks.step_ns)
        out->mtime_ns -= out->mtime_ns % faults->lacks.step_ns;
    if (!status && earliest_ns && out->mtime_ns < earliest_ns)
        out->mtime_ns = earliest_ns;
    if (!status && latest_ns && out->mtime_ns > latest_ns)
        out->mtime_ns = latest_ns;
    if (!status && faults->lacks.modes)
        out->mode = 0777;
    return status;
}

/* A call that tells what is there. */
#define SHOW(name, parameters, arguments)                                                          \
    static cf_status name##_call parameters                                                        \
    {                                                                                              \
        const disk_faults *faults = ((faulty_files *)files)->faults;                               \
                                                                                                   \
        if (file_call_fails(files, READS, error))                                                  \
            return error->status;                                                                  \
        files = files_behind(files);                                                               \
        return show(faults, files->name arguments, out);                                           \
    }

SHOW(stat,
     (cf_files * files, const cf_folder *folder, cf_bytes name, cf_stat *out, cf_error *error),
     (files, folder, name, out, error))
SHOW(stat_now,
     (cf_files * files, const cf_folder *folder, cf_bytes name, cf_stat *out, cf_error *error),
     (files, folder, name, out, error))
SHOW(stat_folder, (cf_files * files, const cf_folder *folder, cf_stat *out, cf_error *error),
     (files, folder, out, error))
SHOW(stat_file, (cf_files * files, const cf_file *file, cf_stat *out, cf_error *error),
     (files, file, out, error))

static cf_status forget_mode(const disk_faults *faults, cf_error *error)
{
    return faults->lacks.refuses_modes ? cf_fail_errno(error, EPERM, "setting a mode") : CF_OK;
}

static cf_status set_mode_call(cf_files *files, const cf_folder *folder, cf_bytes name,
                               uint32_t mode, cf_error *error)
{
    const disk_faults *faults = ((faulty_files *)files)->faults;

    if (file_call_fails(files, CHANGES, error))
        return error->status;
    files = files_behind(files);
    return faults->lacks.modes ? forget_mode(faults, error)
                               : files->set_mode(files, folder, name, mode, error);
}

static cf_status set_file_mode_call(cf_files *files, const cf_file *file, uint32_t mode,
                                    cf_error *error)
{
    const disk_faults *faults = ((faulty_files *)files)->faults;

    if (file_call_fails(files, CHANGES, error))
        return error->status;
    files = files_behind(files);
    return faults->lacks.modes ? forget_mode(faults, error)
                               : files->set_file_mode(files, file, mode, error);
}

static cf_status make_link_call(cf_files *files, const cf_folder *folder, cf_bytes name,
                                cf_bytes target, cf_error *error)
{
    const disk_faults *faults = ((faulty_files *)files)->faults;

    if (file_call_fails(files, CHANGES, error))
        return error->status;
    files = files_behind(files);
    return faults->lacks.links ? cf_fail_errno(error, EPERM, "making a link")
                               : files->make_link(files, folder, name, target, error);
}

CALL(READS, free_bytes,
     (cf_files * files, const cf_folder *folder, uint64_t *out, uint64_t *whole, cf_error *error),
     (files, folder, out, whole, error))
CALL(READS, read_link,
     (cf_files * files, const cf_folder *folder, cf_bytes name, cf_buffer *target, cf_error *error),
     (files, folder, name, target, error))
CALL(MOVES, link,
     (cf_files * files, const cf_folder *from_folder, cf_bytes from, const cf_folder *to_folder,
      cf_bytes to, cf_error *error),
     (files, from_folder, from, to_folder, to, error))
static cf_status rename_call(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                             const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    const disk_faults *faults = ((faulty_files *)files)->faults;

    if (file_call_fails(files, MOVES, error))
        return error->status;
    files = files_behind(files);
    cf_status status = files->rename(files, from_folder, from, to_folder, to, error);
    if (!status && faults->lacks.stamps)
        status = files->set_mtime(files, to_folder, to,
                                  (1600000000 + (int64_t)faults->calls) * 1000000000, error);
    return status;
}

CALL(MOVES, exchange,
     (cf_files * files, const cf_folder *a_folder, cf_bytes a, const cf_folder *b_folder,
      cf_bytes b, cf_error *error),
     (files, a_folder, a, b_folder, b, error))
CALL(CHANGES, replace,
     (cf_files * files, const cf_folder *from_folder, cf_bytes from, const cf_folder *to_folder,
      cf_bytes to, cf_error *error),
     (files, from_folder, from, to_folder, to, error))
CALL(CHANGES, unlink, (cf_files * files, const cf_folder *folder, cf_bytes name, cf_error *error),
     (files, folder, name, error))
CALL(CHANGES, remove_folder,
     (cf_files * files, const cf_folder *folder, cf_bytes name, cf_error *error),
     (files, folder, name, error))
CALL(CHANGES, set_mtime,
     (cf_files * files, const cf_folder *folder, cf_bytes name, int64_t mtime_ns, cf_error *error),
     (files, folder, name, mtime_ns, error))
CALL(READS, open_file,
     (cf_files * files, const cf_folder *folder, cf_bytes name, cf_file **out, cf_error *error),
     (files, folder, name, out, error))
CALL(CHANGES, create_file,
     (cf_files * files, const cf_folder *folder, cf_bytes name, uint32_t mode, cf_file **out,
      cf_error *error),
     (files, folder, name, mode, out, error))
CALL(CHANGES, reopen_file,
     (cf_files * files, const cf_folder *folder, cf_bytes name, cf_file **out, cf_error *error),
     (files, folder, name, out, error))
CALL(CHANGES, lock,
     (cf_files * files, const cf_folder *folder, cf_bytes name, cf_file **out, cf_error *error),
     (files, folder, name, out, error))
CALL(READS, read_at,
     (cf_files * files, const cf_file *file, uint64_t offset, void *buffer, size_t size,
      size_t *read, cf_error *error),
     (files, file, offset, buffer, size, read, error))
static bool is_too_large(cf_files *files, uint64_t offset, size_t size, cf_error *error)
{
    const uint64_t largest = ((faulty_files *)files)->faults->lacks.largest;

    return largest && offset + size > largest && cf_fail_errno(error, EFBIG, "writing");
}

static cf_status write_at_call(cf_files *files, const cf_file *file, uint64_t offset,
                               cf_bytes bytes, cf_error *error)
{
    if (file_call_fails(files, BYTES, error))
        return error->status;
    if (is_too_large(files, offset, bytes.size, error))
        return error->status;
    ((faulty_files *)files)->faults->written += bytes.size;
    files = files_behind(files);
    return files->write_at(files, file, offset, bytes, error);
}

static cf_status truncate_call(cf_files *files, const cf_file *file, uint64_t size, cf_error *error)
{
    if (file_call_fails(files, CHANGES, error) || is_too_large(files, size, 0, error))
        return error->status;
    files = files_behind(files);
    return files->truncate(files, file, size, error);
}

CALL(CHANGES, set_file_mtime,
     (cf_files * files, const cf_file *file, int64_t mtime_ns, cf_error *error),
     (files, file, mtime_ns, error))
CALL(READS, next_data,
     (cf_files * files, const cf_file *file, uint64_t offset, uint64_t *from, uint64_t *to,
      cf_error *error),
     (files, file, offset, from, to, error))
CALL(CHANGES, clone,
     (cf_files * files, const cf_file *source, const cf_file *target, bool *cloned,
      cf_error *error),
     (files, source, target, cloned, error))

/* What can't fail. */
#define ASK(type, name, parameters, arguments)                                                     \
    static type name##_call parameters                                                             \
    {                                                                                              \
        files = files_behind(files);                                                               \
        return files->name arguments;                                                              \
    }

ASK(void, close_folder, (cf_files * files, cf_folder **folder), (files, folder))
ASK(void, close_file, (cf_files * files, cf_file **file), (files, file))
ASK(int, descriptor, (cf_files * files, const cf_folder *folder), (files, folder))
ASK(const char *, shown, (cf_files * files, const cf_folder *folder), (files, folder))
ASK(cf_writer_answer, writer, (cf_files * files, const cf_file *file), (files, file))

/* It has no error to fail with: what can't be asked is not readable. */
static bool readable_call(cf_files *files, const cf_folder *folder, cf_bytes name)
{
    if (fails(((faulty_files *)files)->faults, ACCESS))
        return false;
    files = files_behind(files);
    return files->readable(files, folder, name);
}

cf_files *faulty_files_new(cf_files *inner, disk_faults *faults)
{
    faulty_files *self = cf_allocate(1, sizeof *self);

    self->inner = inner;
    self->faults = faults;
    self->base.tick_ns = inner->tick_ns;
    cf_files *base = &self->base;
    base->close_folder = close_folder_call;
    base->close_file = close_file_call;
    base->descriptor = descriptor_call;
    base->shown = shown_call;
    base->readable = readable_call;
    base->writer = writer_call;
    base->make_root = make_root_call;
    base->open_root = open_root_call;
    base->open_folder = open_folder_call;
    base->open_below = open_below_call;
    base->make_folder = make_folder_call;
    base->stat_folder = stat_folder_call;
    base->is_below = is_below_call;
    base->list = list_call;
    base->sync_folder = sync_folder_call;
    base->free_bytes = free_bytes_call;
    base->filesystem = filesystem_call;
    base->stat = stat_call;
    base->stat_now = stat_now_call;
    base->read_link = read_link_call;
    base->make_link = make_link_call;
    base->link = link_call;
    base->rename = rename_call;
    base->exchange = exchange_call;
    base->replace = replace_call;
    base->unlink = unlink_call;
    base->remove_folder = remove_folder_call;
    base->set_mode = set_mode_call;
    base->set_mtime = set_mtime_call;
    base->open_file = open_file_call;
    base->create_file = create_file_call;
    base->reopen_file = reopen_file_call;
    base->lock = lock_call;
    base->stat_file = stat_file_call;
    base->read_at = read_at_call;
    base->write_at = write_at_call;
    base->truncate = truncate_call;
    base->set_file_mode = set_file_mode_call;
    base->set_file_mtime = set_file_mtime_call;
    base->sync_file = sync_file_call;
    base->sync_files = cf_files_sync_each;
    base->next_data = next_data_call;
    base->clone = clone_call;
    return base;
}

/* ---- Store ---- */

typedef struct {
    cf_store base;
    cf_store *inner;
    cf_store_memory_disk *disk;
    disk_faults *faults;
} faulty_store;

static cf_store *store_behind(cf_store *store)
{
    return ((faulty_store *)store)->inner;
}

/* A store that failed once fails until it is opened again, by itself. */
static void prepare_store(cf_store *store)
{
    faulty_store *self = (faulty_store *)store;
    bool bad = fails(self->faults, CHANGES);

    cf_store_memory_disk_fail(self->disk, bad ? self->faults->status : CF_OK);
}

static cf_status commit_call(cf_store *store, cf_error *error)
{
    prepare_store(store);
    store = store_behind(store);
    return store->commit(store, error);
}

static cf_status write_call(cf_store *store, const cf_hash *user, const cf_kv *records,
                            size_t count, bool synced, cf_error *error)
{
    prepare_store(store);
    store = store_behind(store);
    return store->write(store, user, records, count, synced, error);
}

static void append_call(cf_store *store, const cf_append *append)
{
    store = store_behind(store);
    store->append(store, append);
}

static void destroy_call(cf_store *store)
{
    cf_store_destroy(&((faulty_store *)store)->inner);
    free(store);
}

#define PASS(type, name, parameters, arguments)                                                    \
    static type name##_call parameters                                                             \
    {                                                                                              \
        store = store_behind(store);                                                               \
        return store->name arguments;                                                              \
    }

PASS(cf_status, reopen, (cf_store * store, cf_error *error), (store, error))
PASS(void, instance, (cf_store * store, uint8_t out[16]), (store, out))
PASS(cf_status, acquire, (cf_store * store, const cf_hash *user, uint64_t *epoch, cf_error *error),
     (store, user, epoch, error))
PASS(cf_status, forget, (cf_store * store, const cf_hash *user, cf_error *error),
     (store, user, error))
PASS(cf_status, purge, (cf_store * store, const cf_hash *user, cf_error *error),
     (store, user, error))
PASS(cf_status, read,
     (cf_store * store, const cf_hash *user, uint64_t position, cf_entry_visit *visit,
      void *context, cf_error *error),
     (store, user, position, visit, context, error))
PASS(cf_status, last, (cf_store * store, const cf_hash *user, uint64_t *position, cf_error *error),
     (store, user, position, error))
PASS(cf_status, size, (cf_store * store, const cf_hash *user, uint64_t *size, cf_error *error),
     (store, user, size, error))
PASS(cf_status, find,
     (cf_store * store, const cf_hash *user, const cf_head *entry, uint64_t *position,
      cf_error *error),
     (store, user, entry, position, error))
PASS(cf_status, chain,
     (cf_store * store, const cf_hash *user, const cf_id *writer, uint64_t sequence,
      cf_chain_visit *visit, void *context, cf_error *error),
     (store, user, writer, sequence, visit, context, error))
PASS(cf_status, heads,
     (cf_store * store, const cf_hash *user, cf_head_visit *visit, void *context, cf_error *error),
     (store, user, visit, context, error))
PASS(cf_status, get,
     (cf_store * store, const cf_hash *user, cf_bytes key, cf_buffer *value, cf_error *error),
     (store, user, key, value, error))
PASS(cf_status, scan,
     (cf_store * store, const cf_hash *user, cf_bytes prefix, cf_record_visit *visit, void *context,
      cf_error *error),
     (store, user, prefix, visit, context, error))
PASS(cf_status, users, (cf_store * store, cf_user_visit *visit, void *context, cf_error *error),
     (store, visit, context, error))
PASS(cf_status, verify,
     (cf_store * store, cf_damage_visit *damaged, void *context, cf_error *error),
     (store, damaged, context, error))

cf_store *faulty_store_new(cf_store *inner, cf_store_memory_disk *disk, disk_faults *faults)
{
    faulty_store *self = cf_allocate(1, sizeof *self);

    *self = (faulty_store){
        .base = {.destroy = destroy_call,
                 .reopen = reopen_call,
                 .instance = instance_call,
                 .acquire = acquire_call,
                 .append = append_call,
                 .commit = commit_call,
                 .write = write_call,
                 .forget = forget_call,
                 .purge = purge_call,
                 .read = read_call,
                 .last = last_call,
                 .size = size_call,
                 .find = find_call,
                 .chain = chain_call,
                 .heads = heads_call,
                 .get = get_call,
                 .scan = scan_call,
                 .users = users_call,
                 .verify = verify_call},
        .inner = inner,
        .disk = disk,
        .faults = faults,
    };
    return &self->base;
}
