/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/rocks.h"

#include "broker/store/store_keys.h"

#include <errno.h>
#include <string.h>

const char *const cf_rocks_table_names[CF_ROCKS_TABLES] = {
    "default", "entries", "chain", "heads", "records",
};

/* What RocksDB's texts say about whose fault it is. Of what the process lacked the number tells. */
static const struct {
    const char *word;
    cf_status status;
    int number;
} verdicts[] = {
    {"lock hold by current process", CF_LOCKED, 0},
    {"While lock file", CF_LOCKED, 0},
    {"No space left on device", CF_FULL, 0},
    {"Disk quota exceeded", CF_FULL, 0},
    {"File too large", CF_FULL, 0},
    {"Corruption", CF_BROKEN, 0},
    {"No such file or directory", CF_BROKEN, 0},
    {"Too many open files in system", CF_IO, ENFILE},
    {"Too many open files", CF_IO, EMFILE},
    {"Cannot allocate memory", CF_IO, ENOMEM},
    {"Permission denied", CF_IO, EACCES},
};

/* Who passes an error on puts a word of its own before it: the last of them says what it is. */
static const char *skip_repeated(const char *text)
{
    static const char word[] = "Corruption: ";
    const size_t size = sizeof word - 1;

    while (strncmp(text, word, size) == 0 &&
           (strncmp(text + size, word, size) == 0 || strncmp(text + size, "IO error: ", 10) == 0))
        text += size;
    return text;
}

/* Of a table that isn't there RocksDB says the name that it would have had long ago. */
static void name_tables(char *text)
{
    char *at = strstr(text, ".ldb");

    for (; at; at = strstr(at, ".ldb"))
        memcpy(at, ".sst", 4);
}

cf_status cf_rocks_fail(cf_error *error, char *text)
{
    cf_status status = CF_IO;
    int number = 0;

    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        if (strstr(text, verdicts[i].word)) {
            status = verdicts[i].status;
            number = verdicts[i].number;
            break;
        }
    name_tables(text);
    const char *disk = strstr(text, "Input/output error") ? " (" CF_ERROR_OF_DISK ")" : "";
    if (status == CF_LOCKED)
        cf_fail(error, status, "another process has the store open");
    else
        cf_fail(error, status, "%s%s", skip_repeated(text), disk);
    error->number = number;
    rocksdb_free(text);
    return status;
}

cf_status cf_rocks_flush(const cf_rocks *rocks, cf_error *error)
{
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    char *text = NULL;

    rocksdb_flushoptions_set_wait(options, 1);
    for (size_t table = 0; !text && table < CF_ROCKS_TABLES; table++)
        rocksdb_flush_cf(rocks->db, options, rocks->tables[table], &text);
    rocksdb_flushoptions_destroy(options);
    return text ? cf_rocks_fail(error, text) : CF_OK;
}

/* Where a key is looked for alone, the table with the highest number that has it is believed; who
 * walks compares the sequence numbers of all. */
static cf_status get_newest(const cf_rocks *rocks, cf_rocks_table table, cf_bytes key,
                            cf_buffer *value, cf_error *error)
{
    rocksdb_iterator_t *at =
        rocksdb_create_iterator_cf(rocks->db, rocks->reading, rocks->tables[table]);
    char *text = NULL;
    cf_status status = CF_OK;
    size_t size;

    rocksdb_iter_seek(at, (const char *)key.data, key.size);
    const char *found = rocksdb_iter_valid(at) ? rocksdb_iter_key(at, &size) : NULL;
    if (found && cf_bytes_equal(key, cf_bytes_of(found, size))) {
        const char *data = rocksdb_iter_value(at, &size);

        cf_buffer_append(value, data, size);
    } else {
        rocksdb_iter_get_error(at, &text);
        status = text
                     ? cf_rocks_fail(error, text)
                     : cf_fail(error, CF_MISSING, "no such key in %s", cf_rocks_table_names[table]);
    }
    rocksdb_iter_destroy(at);
    return status;
}

cf_status cf_rocks_get(const cf_rocks *rocks, cf_rocks_table table, cf_bytes key, cf_buffer *value,
                       cf_error *error)
{
    char *text = NULL;

    if (rocks->any_order)
        return get_newest(rocks, table, key, value, error);
    rocksdb_pinnableslice_t *pinned = rocksdb_get_pinned_cf(
        rocks->db, rocks->reading, rocks->tables[table], (const char *)key.data, key.size, &text);

    if (text)
        return cf_rocks_fail(error, text);
    if (!pinned)
        return cf_fail(error, CF_MISSING, "no such key in %s", cf_rocks_table_names[table]);
    size_t size;
    const char *data = rocksdb_pinnableslice_value(pinned, &size);
    cf_buffer_append(value, data, size);
    rocksdb_pinnableslice_destroy(pinned);
    return CF_OK;
}

/* The first key after all that begin with `prefix`; empty: there is none. */
static void end_of_prefix(cf_bytes prefix, cf_buffer *end)
{
    cf_buffer_append(end, prefix.data, prefix.size);
    while (end->size && end->data[end->size - 1] == 0xFF)
        end->size--;
    if (end->size)
        end->data[end->size - 1]++;
}

static cf_status walk(rocksdb_iterator_t *at, cf_bytes from, cf_record_visit *visit, void *context,
                      cf_error *error)
{
    char *text = NULL;
    bool wanted = true;

    for (rocksdb_iter_seek(at, (const char *)from.data, from.size);
         wanted && rocksdb_iter_valid(at); rocksdb_iter_next(at)) {
        size_t key_size, value_size;
        const char *key = rocksdb_iter_key(at, &key_size);
        const char *value = rocksdb_iter_value(at, &value_size);

        wanted = visit(context, cf_bytes_of(key, key_size), cf_bytes_of(value, value_size));
        if (!wanted)
            return CF_OK;
    }
    rocksdb_iter_get_error(at, &text);
    return text ? cf_rocks_fail(error, text) : CF_OK;
}

cf_status cf_rocks_each(const cf_rocks *rocks, const cf_rocks_range *range, cf_record_visit *visit,
                        void *context, cf_error *error)
{
    cf_buffer end = {0};
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();

    end_of_prefix(range->prefix, &end);
    if (end.size) /* borrowed by the iterator */
        rocksdb_readoptions_set_iterate_upper_bound(options, (const char *)end.data, end.size);
    rocksdb_readoptions_set_fill_cache(options, !range->once);
    rocksdb_readoptions_set_ignore_range_deletions(options, range->deleted);
    rocksdb_readoptions_set_total_order_seek(options, range->prefix.size < CF_HASH_SIZE);
    rocksdb_iterator_t *at =
        rocksdb_create_iterator_cf(rocks->db, options, rocks->tables[range->table]);
    cf_status status =
        walk(at, range->from.size ? range->from : range->prefix, visit, context, error);
    rocksdb_iter_destroy(at);
    rocksdb_readoptions_destroy(options);
    cf_buffer_release(&end);
    return status;
}

cf_status cf_rocks_last(const cf_rocks *rocks, const cf_hash *user, uint64_t *position,
                        cf_error *error)
{
    char *text = NULL;
    uint64_t found = 0;
    cf_position_key end = cf_position_key_of(user, UINT64_MAX);
    rocksdb_readoptions_t *of_user = rocksdb_readoptions_create();
    rocksdb_iterator_t *at =
        rocksdb_create_iterator_cf(rocks->db, of_user, rocks->tables[CF_ROCKS_ENTRIES]);

    rocksdb_iter_seek_for_prev(at, (const char *)end.bytes, sizeof end.bytes);
    if (rocksdb_iter_valid(at)) {
        size_t size;
        const char *key = rocksdb_iter_key(at, &size);

        if (size == CF_POSITION_KEY_SIZE && memcmp(key, user->bytes, CF_HASH_SIZE) == 0)
            found = cf_position_of_key(cf_bytes_of(key, size));
    }
    rocksdb_iter_get_error(at, &text);
    rocksdb_iter_destroy(at);
    rocksdb_readoptions_destroy(of_user);
    if (text)
        return cf_rocks_fail(error, text);
    *position = found;
    return CF_OK;
}

static bool add_size(void *context, cf_bytes key, cf_bytes value)
{
    uint64_t *sum = context;

    (void)key;
    *sum += value.size;
    return true;
}

cf_status cf_rocks_size(const cf_rocks *rocks, const cf_hash *user, uint64_t *size, cf_error *error)
{
    uint8_t key[CF_ROCKS_USER_KEY_SIZE];
    cf_rocks_range entries = {
        CF_ROCKS_ENTRIES, cf_bytes_of(user->bytes, CF_HASH_SIZE), {0}, .once = true};
    cf_buffer value = {0};

    cf_rocks_user_key(CF_ROCKS_SIZE, user, key);
    cf_status status =
        cf_rocks_get(rocks, CF_ROCKS_DEFAULT, cf_bytes_of(key, sizeof key), &value, error);
    if (status == CF_OK && value.size != 8)
        status = cf_fail(error, CF_BROKEN, "the size of a user is damaged");
    else if (status == CF_OK)
        *size = cf_get_u64(value.data);
    else if (status == CF_MISSING) {
        *size = 0;
        status = cf_rocks_each(rocks, &entries, add_size, size, error);
    }
    cf_buffer_release(&value);
    return status;
}

/* ---- The users that it appends for ---- */

/* Index of the first account that is not before `user`. */
static size_t index_of(const cf_rocks_accounts *accounts, const cf_hash *user)
{
    size_t low = 0, high = accounts->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cf_hash_compare(&accounts->list[middle].user, user) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

cf_rocks_account *cf_rocks_account_of(const cf_rocks_accounts *accounts, const cf_hash *user)
{
    size_t at = index_of(accounts, user);

    if (at < accounts->count && cf_hash_equal(&accounts->list[at].user, user))
        return &accounts->list[at];
    return NULL;
}

void cf_rocks_account_add(cf_rocks_accounts *accounts, const cf_rocks_account *account)
{
    size_t at = index_of(accounts, &account->user);

    *cf_one_more_at(accounts->list, accounts->count, accounts->capacity, at) = *account;
}

void cf_rocks_account_remove(cf_rocks_accounts *accounts, const cf_hash *user)
{
    cf_rocks_account *it = cf_rocks_account_of(accounts, user);

    if (!it)
        return;
    accounts->count--;
    memmove(it, it + 1, (size_t)(accounts->list + accounts->count - it) * sizeof *it);
}

void cf_rocks_user_key(uint8_t kind, const cf_hash *user, uint8_t out[CF_ROCKS_USER_KEY_SIZE])
{
    out[0] = kind;
    memcpy(out + 1, user->bytes, CF_HASH_SIZE);
}
