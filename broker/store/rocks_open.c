/* SPDX-License-Identifier: Apache-2.0 */
/* How a RocksDB is made, opened and closed, and with which settings. Format and files are checked
 * before RocksDB sees them, since it repairs what it takes for a crash; a log that a power cut tore
 * is mended when opening fails for that (store_tail.h). */
#include "broker/store/rocks.h"

#include "broker/platform/descriptor.h"
#include "broker/store/store_format.h"
#include "broker/store/store_inventory.h"
#include "broker/store/store_room.h"
#include "broker/store/store_tail.h"
#include "codec/limits.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_FILES = 256, INFO_LOGS = 4, SKIP_DAMAGED = 3 };

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

rocksdb_options_t *cf_rocks_settings(const cf_store_options *options)
{
    size_t write_buffer = write_buffer_of(options);
    rocksdb_options_t *out = rocksdb_options_create();

    rocksdb_options_set_create_missing_column_families(out, 1);
    rocksdb_options_set_paranoid_checks(out, 1);
    /* 0 keeps an incomplete last record out and refuses damage; the default drops everything after
     * a damaged byte without a word. It needs logs that are not recycled. A last record that a
     * power cut tore is damage to it, too: see try_open. */
    rocksdb_options_set_wal_recovery_mode(out, options->salvages ? SKIP_DAMAGED : 0);
    rocksdb_options_set_recycle_log_file_num(out, 0);
    rocksdb_options_set_write_buffer_size(out, write_buffer);
    rocksdb_options_set_max_write_buffer_number(out, 2);
    rocksdb_options_set_db_write_buffer_size(out, 2 * write_buffer);
    rocksdb_options_set_max_total_wal_size(out, 4 * write_buffer);
    rocksdb_options_set_manifest_preallocation_size(out, write_buffer / 16);
    /* With -1 each table is opened at once, so that one that is damaged is found. */
    rocksdb_options_set_max_open_files(out, options->salvages ? -1 : OPEN_FILES);
    rocksdb_options_set_disable_auto_compactions(out, options->salvages || options->rests);
    /* It starts as many threads for each table that it opens, whatever there is to be opened. */
    rocksdb_options_set_max_file_opening_threads(out, 1);
    rocksdb_options_set_max_background_jobs(out, 2);
    /* A table that has nothing of a user is passed by, damaged or not, where its filter says so. */
    rocksdb_options_set_prefix_extractor(out,
                                         rocksdb_slicetransform_create_fixed_prefix(CF_HASH_SIZE));
    /* Ciphertext and hashes don't shrink. */
    rocksdb_options_set_compression(out, rocksdb_no_compression);
    rocksdb_options_set_info_log_level(out, 2); /* warnings */
    rocksdb_options_set_max_log_file_size(out, CF_MIB);
    rocksdb_options_set_keep_log_file_num(out, INFO_LOGS);
    rocksdb_options_set_stats_dump_period_sec(out, 0);
    rocksdb_options_set_skip_stats_update_on_db_open(out, 1);
    return out;
}

/* A filter only spares reading: where what is damaged is to be read, it may be what is damaged. */
static void use_cache(rocksdb_options_t *settings, size_t size, bool filters)
{
    rocksdb_block_based_table_options_t *blocks = rocksdb_block_based_options_create();
    rocksdb_cache_t *cache = rocksdb_cache_create_lru(size);

    /* Whatever is RocksDB's default: a repair reads the ends of tables itself. */
    rocksdb_block_based_options_set_format_version(blocks, CF_ROCKS_TABLE_FORMAT);
    rocksdb_block_based_options_set_block_cache(blocks, cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(blocks, 1);
    if (filters)
        rocksdb_block_based_options_set_filter_policy(blocks,
                                                      rocksdb_filterpolicy_create_bloom(10));
    /* The whole index of a table file is larger than one of the cache's shards, which doesn't keep
     * it then: each get would read and verify a megabyte of a hundred. */
    rocksdb_block_based_options_set_index_type(
        blocks, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(blocks, filters);
    rocksdb_options_set_block_based_table_factory(settings, blocks);
    rocksdb_cache_destroy(cache); /* the factory holds it */
    rocksdb_block_based_options_destroy(blocks);
}

/* Returns what RocksDB says against it, or NULL. */
static char *open_database(const char *path, bool reads_only, const rocksdb_options_t *settings,
                           cf_rocks *rocks)
{
    const rocksdb_options_t *each[CF_ROCKS_TABLES];
    char *text = NULL;

    for (size_t i = 0; i < CF_ROCKS_TABLES; i++)
        each[i] = settings;
    rocks->db =
        reads_only ? rocksdb_open_for_read_only_column_families(settings, path, CF_ROCKS_TABLES,
                                                                cf_rocks_table_names, each,
                                                                rocks->tables, 0, &text)
                   : rocksdb_open_column_families(settings, path, CF_ROCKS_TABLES,
                                                  cf_rocks_table_names, each, rocks->tables, &text);
    return text;
}

static void close_database(cf_rocks *rocks)
{
    for (size_t i = 0; i < CF_ROCKS_TABLES; i++)
        rocksdb_column_family_handle_destroy(rocks->tables[i]);
    rocksdb_close(rocks->db);
}

static cf_status make_database(const char *path, rocksdb_options_t *settings, cf_error *error)
{
    cf_rocks made = {0};

    rocksdb_options_set_create_if_missing(settings, 1);
    char *text = open_database(path, false, settings, &made);
    rocksdb_options_set_create_if_missing(settings, 0);
    if (text)
        return cf_rocks_fail(error, text);
    close_database(&made);
    return CF_OK;
}

static cf_status make(const cf_store_options *options, rocksdb_options_t *settings, cf_error *error)
{
    if (options->existing || options->reads_only)
        return cf_fail(error, CF_BROKEN, "it is gone: mount it, or restore a backup");
    cf_status status = cf_store_format_begin(options->path, error);
    if (!status)
        status = make_database(options->path, settings, error);
    return status ? status : cf_store_format_finish(options->path, error);
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

static cf_status open_rocks(const cf_store_options *options, const rocksdb_options_t *settings,
                            cf_rocks *rocks, cf_error *error)
{
    char *text = open_database(options->path, options->reads_only, settings, rocks);

    if (text && !options->reads_only && is_mended(options, text)) {
        rocksdb_free(text);
        text = open_database(options->path, false, settings, rocks);
    }
    return text ? cf_rocks_fail(error, text) : CF_OK;
}

/* Opening begins a log and leaves those of before in which nothing is, one of each time; of an open
 * database only the newest is written to. */
static void drop_empty_logs(const char *path)
{
    unsigned long newest = 0;
    struct stat stat;
    char *end;

    for (int pass = 0; pass < 2; pass++) {
        DIR *folder = opendir(path);
        const struct dirent *entry;

        while (folder && (entry = cf_descriptor_next_name(folder))) {
            const unsigned long number = strtoul(entry->d_name, &end, 10);

            if (end == entry->d_name || strcmp(end, ".log") != 0)
                continue;
            if (pass == 0)
                newest = number > newest ? number : newest;
            else if (number < newest && !fstatat(dirfd(folder), entry->d_name, &stat, 0) &&
                     stat.st_size == 0)
                unlinkat(dirfd(folder), entry->d_name, 0);
        }
        if (folder)
            closedir(folder);
    }
}

/* Before RocksDB, which repairs what it takes for a crash. */
static cf_status check_files(const cf_store_options *options, cf_error *error)
{
    cf_status status = CF_OK;

    if (options->has_inventory)
        status = cf_store_inventory_check(options->path, error);
    if (!status && options->has_inventory)
        status = cf_store_inventory_check_logs(options->path, error);
    return status ? status : cf_store_inventory_check_manifest(options->path, error);
}

cf_status cf_rocks_open(const cf_store_options *options, cf_rocks **out, cf_error *error)
{
    bool absent = false;
    cf_status status = cf_store_format_check(options->path, &absent, error);
    if (!status && !absent)
        status = check_files(options, error);
    if (status)
        return status;
    rocksdb_options_t *settings = cf_rocks_settings(options);
    use_cache(settings, options->cache ? options->cache : 32 * CF_MIB, !options->salvages);
    cf_rocks *rocks = cf_allocate(1, sizeof *rocks);
    if (absent)
        status = make(options, settings, error);
    if (!status)
        status = open_rocks(options, settings, rocks, error);
    rocksdb_options_destroy(settings);
    if (status) {
        free(rocks);
        return status;
    }
    const bool is_listed = options->has_inventory && !options->reads_only;
    if (!options->reads_only)
        drop_empty_logs(options->path);
    if (is_listed)
        cf_store_inventory_write_opened(options->path);
    rocks->any_order = options->salvages;
    rocks->reading = rocksdb_readoptions_create();
    rocksdb_readoptions_set_total_order_seek(rocks->reading, 1);
    rocks->synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(rocks->synced, 1);
    rocks->unsynced = rocksdb_writeoptions_create();
    rocks->listed = is_listed ? cf_text_copy(options->path) : NULL;
    *out = rocks;
    return CF_OK;
}

void cf_rocks_close(cf_rocks **rocks)
{
    cf_rocks *it = *rocks;

    if (!it)
        return;
    close_database(it);
    rocksdb_readoptions_destroy(it->reading);
    rocksdb_writeoptions_destroy(it->synced);
    rocksdb_writeoptions_destroy(it->unsynced);
    if (it->listed)
        cf_store_inventory_write(it->listed);
    free(it->listed);
    free(it);
    *rocks = NULL;
}

void cf_rocks_leave_open(cf_rocks **rocks)
{
    static _Atomic(cf_rocks *) left; /* so that a leak checker finds them */
    cf_rocks *it = *rocks;

    if (!it)
        return;
    it->next = atomic_load(&left);
    while (!atomic_compare_exchange_weak(&left, &it->next, it))
        ;
    *rocks = NULL;
}
