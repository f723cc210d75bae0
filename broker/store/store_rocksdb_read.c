/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of the RocksDB store, and `verify`, see store_rocksdb.h. A read of the database is between
 * begin() and end(), which hold `reopening` shared: so reads come from any thread; and end() notes
 * what was found damaged. */
#include "broker/store/store_rocksdb.h"

#include "broker/store/store_format.h"
#include "broker/store/store_keys.h"
#include "broker/store/store_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_SIZE = 4096 };

/* On CF_OK the caller unlocks `reopening` when it is done. */
static cf_status begin(cf_rocks_store *self, cf_error *error)
{
    pthread_rwlock_rdlock(&self->reopening);
    if (self->rocks)
        return CF_OK;
    *error = self->failure;
    pthread_rwlock_unlock(&self->reopening);
    return error->status;
}

static cf_status end(cf_rocks_store *self, cf_status status, cf_error *error, const char *what)
{
    pthread_rwlock_unlock(&self->reopening);
    if (status && status != CF_MISSING)
        cf_error_while(error, "reading %s of %s", what, self->path);
    if (status)
        cf_rocks_store_advise(self, error);
    if (status == CF_BROKEN)
        cf_rocks_store_set_damage(self, error);
    return status;
}

static cf_status rocks_damage(cf_store *base, cf_error *error)
{
    cf_rocks_store *self = cf_rocks_store_of(base);

    pthread_mutex_lock(&self->telling);
    const cf_status status = self->damage.status;
    if (status)
        *error = self->damage;
    pthread_mutex_unlock(&self->telling);
    return status;
}

/* A visitor of keys that turns them into what the caller's visitor wants, and notes those that are
 * not what they should be. */
typedef struct {
    union {
        cf_entry_visit *entry;
        cf_chain_visit *chain;
        cf_head_visit *head;
        cf_record_visit *record;
        cf_user_visit *user;
    } visit;
    void *context;
    bool damaged;
} translation;

static cf_status each(cf_rocks_store *self, const cf_rocks_range *range, cf_record_visit *visit,
                      translation *context, cf_error *error)
{
    cf_status status = begin(self, error);
    if (status)
        return status;
    status = cf_rocks_each(self->rocks, range, visit, context, error);
    if (status == CF_OK && context->damaged)
        status = cf_fail(error, CF_BROKEN, "a key is damaged");
    return end(self, status, error, cf_rocks_table_names[range->table]);
}

static cf_bytes bytes_of_user(const cf_hash *user)
{
    return cf_bytes_of(user->bytes, CF_HASH_SIZE);
}

static bool visit_entry(void *context, cf_bytes key, cf_bytes value)
{
    translation *to = context;

    to->damaged = key.size != CF_POSITION_KEY_SIZE;
    return !to->damaged && to->visit.entry(to->context, cf_position_of_key(key), value);
}

static cf_status rocks_read(cf_store *base, const cf_hash *user, uint64_t position,
                            cf_entry_visit *visit, void *context, cf_error *error)
{
    cf_position_key from = cf_position_key_of(user, position);
    cf_rocks_range range = {CF_ROCKS_ENTRIES, bytes_of_user(user),
                            cf_bytes_of(from.bytes, sizeof from.bytes), .once = true};
    translation to = {{.entry = visit}, context, false};

    return each(cf_rocks_store_of(base), &range, visit_entry, &to, error);
}

static cf_status rocks_last(cf_store *base, const cf_hash *user, uint64_t *position,
                            cf_error *error)
{
    cf_rocks_store *self = cf_rocks_store_of(base);

    cf_status status = begin(self, error);
    if (status)
        return status;
    status = cf_rocks_last(self->rocks, user, position, error);
    return end(self, status, error, "the last entry");
}

static cf_status rocks_size(cf_store *base, const cf_hash *user, uint64_t *size, cf_error *error)
{
    cf_rocks_store *self = cf_rocks_store_of(base);

    cf_status status = begin(self, error);
    if (status)
        return status;
    status = cf_rocks_size(self->rocks, user, size, error);
    return end(self, status, error, "the size of a user");
}

static cf_status rocks_find(cf_store *base, const cf_hash *user, const cf_head *entry,
                            uint64_t *position, cf_error *error)
{
    cf_rocks_store *self = cf_rocks_store_of(base);
    cf_head_key key = cf_head_key_of(user, entry);
    cf_buffer value = {0};

    cf_status status = begin(self, error);
    if (status)
        return status;
    status = cf_rocks_get(self->rocks, CF_ROCKS_CHAIN, cf_bytes_of(key.bytes, sizeof key.bytes),
                          &value, error);
    if (status == CF_OK && value.size != 8)
        status = cf_fail(error, CF_BROKEN, "a position is damaged");
    if (status == CF_OK)
        *position = cf_get_u64(value.data);
    cf_buffer_release(&value);
    return end(self, status, error, "the chain index");
}

static bool visit_chain(void *context, cf_bytes key, cf_bytes value)
{
    translation *to = context;

    to->damaged = key.size != CF_HEAD_KEY_SIZE || value.size != 8;
    if (to->damaged)
        return false;
    cf_head head = cf_head_of_key(key);
    return to->visit.chain(to->context, &head, cf_get_u64(value.data));
}

static cf_status rocks_chain(cf_store *base, const cf_hash *user, const cf_id *writer,
                             uint64_t sequence, cf_chain_visit *visit, void *context,
                             cf_error *error)
{
    cf_head first = {.writer = *writer, .sequence = sequence};
    cf_head_key from = cf_head_key_of(user, &first);
    cf_rocks_range range = {CF_ROCKS_CHAIN, cf_bytes_of(from.bytes, CF_WRITER_KEY_SIZE),
                            cf_bytes_of(from.bytes, sizeof from.bytes), .once = false};
    translation to = {{.chain = visit}, context, false};

    return each(cf_rocks_store_of(base), &range, visit_chain, &to, error);
}

static bool visit_head(void *context, cf_bytes key, cf_bytes value)
{
    translation *to = context;

    return cf_rocks_heads_visit(key, value, to->visit.head, to->context, &to->damaged);
}

static cf_status rocks_heads(cf_store *base, const cf_hash *user, cf_head_visit *visit,
                             void *context, cf_error *error)
{
    cf_rocks_range range = {CF_ROCKS_HEADS, bytes_of_user(user), {0}, .once = false};
    translation to = {{.head = visit}, context, false};

    return each(cf_rocks_store_of(base), &range, visit_head, &to, error);
}

static cf_status rocks_get(cf_store *base, const cf_hash *user, cf_bytes key, cf_buffer *value,
                           cf_error *error)
{
    cf_rocks_store *self = cf_rocks_store_of(base);
    cf_buffer whole = {0};

    cf_status status = begin(self, error);
    if (status)
        return status;
    cf_buffer_append(&whole, user->bytes, CF_HASH_SIZE);
    cf_buffer_append(&whole, key.data, key.size);
    status = cf_rocks_get(self->rocks, CF_ROCKS_RECORDS, cf_buffer_view(&whole), value, error);
    cf_buffer_release(&whole);
    return end(self, status, error, "a record");
}

static bool visit_record(void *context, cf_bytes key, cf_bytes value)
{
    translation *to = context;
    cf_bytes own = {key.data + CF_HASH_SIZE, key.size - CF_HASH_SIZE};

    return to->visit.record(to->context, own, value);
}

static cf_status rocks_scan(cf_store *base, const cf_hash *user, cf_bytes prefix,
                            cf_record_visit *visit, void *context, cf_error *error)
{
    cf_buffer whole = {0};
    translation to = {{.record = visit}, context, false};

    cf_buffer_append(&whole, user->bytes, CF_HASH_SIZE);
    cf_buffer_append(&whole, prefix.data, prefix.size);
    cf_rocks_range range = {CF_ROCKS_RECORDS, cf_buffer_view(&whole), {0}, .once = false};
    cf_status status = each(cf_rocks_store_of(base), &range, visit_record, &to, error);
    cf_buffer_release(&whole);
    return status;
}

static bool visit_user(void *context, cf_bytes key, cf_bytes value)
{
    translation *to = context;
    cf_hash user;
    (void)value;

    to->damaged = key.size != CF_ROCKS_USER_KEY_SIZE;
    if (to->damaged)
        return false;
    memcpy(user.bytes, key.data + 1, CF_HASH_SIZE);
    return to->visit.user(to->context, &user);
}

static cf_status rocks_users(cf_store *base, cf_user_visit *visit, void *context, cf_error *error)
{
    cf_rocks_range range = {CF_ROCKS_DEFAULT, cf_bytes_of("u", 1), {0}, .once = false};
    translation to = {{.user = visit}, context, false};

    return each(cf_rocks_store_of(base), &range, visit_user, &to, error);
}

typedef struct {
    uint64_t end;   /* positions from here on came while we looked */
    uint64_t count; /* keys of earlier ones */
} chain_count;

static bool count_chain(void *context, cf_bytes key, cf_bytes value)
{
    chain_count *chain = context;
    (void)key;

    chain->count += value.size != 8 || cf_get_u64(value.data) < chain->end;
    return true;
}

typedef struct {
    cf_rocks_store *self;
    cf_damage_visit *damaged;
    void *context;
} verification;

/* Entries name their keys in the chain index; keys without an entry are found by counting. */
static bool verify_user(void *context, const cf_hash *user)
{
    verification *it = context;
    cf_store_verified verified;
    chain_count chain = {0};
    cf_rocks_range range = {CF_ROCKS_CHAIN, bytes_of_user(user), {0}, .once = true};
    cf_error error;

    cf_store_verify_user(&it->self->base, user, it->damaged, it->context, &verified);
    chain.end = verified.end;
    if (cf_rocks_each(it->self->rocks, &range, count_chain, &chain, &error)) {
        it->damaged(it->context, user, &error);
    } else if (chain.count != verified.indexed) {
        cf_fail(&error, CF_BROKEN,
                "the chain index has %" PRIu64 " keys for %" PRIu64 " whole entries", chain.count,
                verified.indexed);
        it->damaged(it->context, user, &error);
    }
    return true;
}

static bool ignore(void *context, cf_bytes key, cf_bytes value)
{
    (void)context, (void)key, (void)value;
    return true;
}

/* The file is there, as its name says. */
static bool has_file(const char *folder, const char *name)
{
    char path[PATH_SIZE];
    struct stat found;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &found) == 0;
}

static bool is_live(const cf_rocks_store *self, const char *name)
{
    const rocksdb_livefiles_t *files = rocksdb_livefiles(self->rocks->db);
    bool live = false;

    for (int i = 0; !live && i < rocksdb_livefiles_count(files); i++)
        live = strcmp(rocksdb_livefiles_name(files, i), name) == 0;
    rocksdb_livefiles_destroy(files);
    return live;
}

static void tell_damage(verification *it, const cf_error *found)
{
    it->damaged(it->context, NULL, found);
    if (found->status == CF_BROKEN)
        cf_rocks_store_set_damage(it->self, found);
}

static void verify_file(verification *it, const char *name)
{
    cf_error gone;

    if (has_file(it->self->path, name))
        return;
    cf_fail(&gone, CF_BROKEN, "%s is gone from %s", name, it->self->path);
    tell_damage(it, &gone);
}

static void verify_open_files(verification *it)
{
    cf_error lost;

    if (cf_rocks_store_save_log(it->self, &lost))
        tell_damage(it, &lost);
}

/* What somebody removes under a broker that runs is open there, and would be missed at the next
 * start only. A table that went meanwhile, since its content is in others, is live no more. */
static void verify_files(verification *it)
{
    const rocksdb_livefiles_t *files = rocksdb_livefiles(it->self->rocks->db);

    bool absent;
    cf_error broken;

    verify_file(it, "CURRENT");
    if (has_file(it->self->path, "CURRENT") &&
        cf_store_format_check(it->self->path, &absent, &broken))
        tell_damage(it, &broken);
    verify_open_files(it);
    for (int i = 0; i < rocksdb_livefiles_count(files); i++) {
        const char *name = rocksdb_livefiles_name(files, i); /* "/000021.sst" */

        if (!has_file(it->self->path, name + 1) && is_live(it->self, name))
            verify_file(it, name + 1);
    }
    rocksdb_livefiles_destroy(files);
}

/* The tables as wholes, for what belongs to no known user, or to one that was removed; then user by
 * user, by name. */
static cf_status rocks_verify(cf_store *base, cf_damage_visit *damaged, void *context,
                              cf_error *error)
{
    cf_rocks_store *self = cf_rocks_store_of(base);
    verification it = {self, damaged, context};
    cf_error found;

    if (cf_rocks_store_is_removed(self))
        return cf_fail(error, CF_BROKEN, CF_ROCKS_REMOVED_FORMAT, self->path);
    cf_status status = begin(self, error);
    if (status)
        return status;
    cf_rocks_store_set_damage(self, NULL); /* what there is it meets again */
    for (cf_rocks_table table = 0; table < CF_ROCKS_TABLES; table++) {
        cf_rocks_range range = {table, {0}, {0}, .once = true, .deleted = true};

        if (cf_rocks_each(self->rocks, &range, ignore, NULL, &found)) {
            cf_error_while(&found, "table %s", cf_rocks_table_names[table]);
            tell_damage(&it, &found);
        }
    }
    verify_files(&it);
    status = rocks_users(base, verify_user, &it, error);
    return end(self, status, error, "the users");
}

void cf_rocks_store_set_reads(cf_store *base)
{
    base->read = rocks_read;
    base->last = rocks_last;
    base->size = rocks_size;
    base->find = rocks_find;
    base->chain = rocks_chain;
    base->heads = rocks_heads;
    base->get = rocks_get;
    base->scan = rocks_scan;
    base->users = rocks_users;
    base->verify = rocks_verify;
    base->damage = rocks_damage;
}
