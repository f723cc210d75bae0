/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/rocks.h"

#include "broker/rocks_accounts.h"
#include "broker/store_format.h"
#include "broker/store_keys.h"
#include "broker/store_room.h"
#include "broker/store_tail.h"
#include "codec/limits.h"

#include <stdlib.h>

enum { OPEN_FILES = 256, INFO_LOGS = 4 };

const char *const cf_rocks_table_names[CF_ROCKS_TABLES] = {
    "default", "entries", "chain", "heads", "records",
};

/* What RocksDB's texts say about whose fault it is. */
static const struct {
    const char *word;
    cf_status status;
} verdicts[] = {
    {"lock hold by current process", CF_LOCKED},
    {"While lock file", CF_LOCKED},
    {"No space left on device", CF_FULL},
    {"Disk quota exceeded", CF_FULL},
    {"File too large", CF_FULL},
    {"Corruption", CF_BROKEN},
    {"No such file or directory", CF_BROKEN},
};

cf_status cf_rocks_fail(cf_error *error, char *text)
{
    cf_status status = CF_IO;

    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        if (strstr(text, verdicts[i].word)) {
            status = verdicts[i].status;
            break;
        }
    cf_fail(error, status, "%s", text);
    rocksdb_free(text);
    return status;
}

/* A log is given a tenth more than this when it is begun, whatever will stand in it: where room is
 * scarce it is less. */
static size_t write_buffer_of(const cf_store_options *options)
{
    size_t wanted = options->write_buffer ? options->write_buffer : 16 * CF_MIB;
    uint64_t share = cf_store_room(options->path) / 32;

    if (wanted <= CF_MIB || share >= wanted)
        return wanted;
    return share > CF_MIB ? (size_t)share : CF_MIB;
}

static rocksdb_options_t *new_options(const cf_store_options *options)
{
    size_t write_buffer = write_buffer_of(options);
    rocksdb_options_t *out = rocksdb_options_create();

    rocksdb_options_set_create_if_missing(out, 1);
    rocksdb_options_set_create_missing_column_families(out, 1);
    rocksdb_options_set_paranoid_checks(out, 1);
    /* 0 keeps an incomplete last record out and refuses damage; the default drops everything after
     * a damaged byte without a word. It needs logs that are not recycled. A last record that a
     * power cut tore is damage to it, too: see try_open. */
    rocksdb_options_set_wal_recovery_mode(out, 0);
    rocksdb_options_set_recycle_log_file_num(out, 0);
    rocksdb_options_set_write_buffer_size(out, write_buffer);
    rocksdb_options_set_max_write_buffer_number(out, 2);
    rocksdb_options_set_db_write_buffer_size(out, 2 * write_buffer);
    rocksdb_options_set_max_total_wal_size(out, 4 * write_buffer);
    rocksdb_options_set_manifest_preallocation_size(out, write_buffer / 16);
    rocksdb_options_set_max_open_files(out, OPEN_FILES);
    /* It starts as many threads for each table that it opens, whatever there is to be opened. */
    rocksdb_options_set_max_file_opening_threads(out, 1);
    rocksdb_options_set_max_background_jobs(out, 2);
    /* Ciphertext and hashes don't shrink. */
    rocksdb_options_set_compression(out, rocksdb_no_compression);
    rocksdb_options_set_info_log_level(out, 2); /* warnings */
    rocksdb_options_set_max_log_file_size(out, CF_MIB);
    rocksdb_options_set_keep_log_file_num(out, INFO_LOGS);
    rocksdb_options_set_stats_dump_period_sec(out, 0);
    rocksdb_options_set_skip_stats_update_on_db_open(out, 1);
    return out;
}

static void use_cache(rocksdb_options_t *options, size_t size)
{
    rocksdb_block_based_table_options_t *blocks = rocksdb_block_based_options_create();
    rocksdb_cache_t *cache = rocksdb_cache_create_lru(size);

    rocksdb_block_based_options_set_block_cache(blocks, cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(blocks, 1);
    rocksdb_block_based_options_set_filter_policy(blocks, rocksdb_filterpolicy_create_bloom(10));
    rocksdb_options_set_block_based_table_factory(options, blocks);
    rocksdb_cache_destroy(cache); /* the factory holds it */
    rocksdb_block_based_options_destroy(blocks);
}

/* Returns what RocksDB says against it, or NULL. */
static char *try_open(const char *path, const rocksdb_options_t *settings, cf_rocks *rocks)
{
    const rocksdb_options_t *each[CF_ROCKS_TABLES];
    char *text = NULL;

    for (size_t i = 0; i < CF_ROCKS_TABLES; i++)
        each[i] = settings;
    rocks->db = rocksdb_open_column_families(settings, path, CF_ROCKS_TABLES, cf_rocks_table_names,
                                             each, rocks->tables, &text);
    return text;
}

/* That it failed as damaged says that nobody else has it open: RocksDB locks it first. */
static bool is_mended(const cf_store_options *options, const char *text)
{
    cf_error ignored;
    size_t cut = 0;

    if (!strstr(text, "Corruption") || cf_store_tail_mend(options->path, &cut, &ignored) || !cut)
        return false;
    if (options->cut)
        *options->cut = cut;
    return true;
}

cf_status cf_rocks_open(const cf_store_options *options, cf_rocks **out, cf_error *error)
{
    cf_status status = cf_store_format_check(options->path, error);
    if (status)
        return status;
    rocksdb_options_t *settings = new_options(options);
    use_cache(settings, options->cache ? options->cache : 32 * CF_MIB);
    cf_rocks *rocks = cf_allocate(1, sizeof *rocks);
    char *text = try_open(options->path, settings, rocks);
    if (text && is_mended(options, text)) {
        rocksdb_free(text);
        text = try_open(options->path, settings, rocks);
    }
    rocksdb_options_destroy(settings);
    if (text) {
        free(rocks);
        return cf_rocks_fail(error, text);
    }
    rocks->reading = rocksdb_readoptions_create();
    rocks->synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(rocks->synced, 1);
    rocks->unsynced = rocksdb_writeoptions_create();
    *out = rocks;
    return CF_OK;
}

void cf_rocks_close(cf_rocks **rocks)
{
    cf_rocks *it = *rocks;

    if (!it)
        return;
    for (size_t i = 0; i < CF_ROCKS_TABLES; i++)
        rocksdb_column_family_handle_destroy(it->tables[i]);
    rocksdb_close(it->db);
    rocksdb_readoptions_destroy(it->reading);
    rocksdb_writeoptions_destroy(it->synced);
    rocksdb_writeoptions_destroy(it->unsynced);
    free(it);
    *rocks = NULL;
}

cf_status cf_rocks_get(const cf_rocks *rocks, cf_rocks_table table, cf_bytes key, cf_buffer *value,
                       cf_error *error)
{
    char *text = NULL;
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
    rocksdb_iterator_t *at =
        rocksdb_create_iterator_cf(rocks->db, rocks->reading, rocks->tables[CF_ROCKS_ENTRIES]);

    rocksdb_iter_seek_for_prev(at, (const char *)end.bytes, sizeof end.bytes);
    if (rocksdb_iter_valid(at)) {
        size_t size;
        const char *key = rocksdb_iter_key(at, &size);

        if (size == CF_POSITION_KEY_SIZE && memcmp(key, user->bytes, CF_HASH_SIZE) == 0)
            found = cf_position_of_key(cf_bytes_of(key, size));
    }
    rocksdb_iter_get_error(at, &text);
    rocksdb_iter_destroy(at);
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
