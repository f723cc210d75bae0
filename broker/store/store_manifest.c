/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_manifest.h"

#include "broker/platform/descriptor.h"
#include "broker/store/rocks.h"
#include "broker/store/store_tail.h"
#include "codec/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 64 };

typedef struct {
    unsigned long number;
    uint64_t size;
    cf_rocks_table of;
} table;

typedef struct {
    table *list;
    size_t count, capacity;
    unsigned long highest; /* number of any file of RocksDB's */
} tables;

/* ---- Which of ours a table belongs to ---- */

/* The last bytes of a table: a type of checksum, the places of two blocks, padding, a version, and
 * a number that all tables end with. */
enum { FOOTER = 53, FOOTER_PLACES = 1, FOOTER_VERSION = 41, FOOTER_MAGIC = 45 };
/* From version 6 on the places stand elsewhere; a number far beyond is no version. */
enum { VERSION_UNREAD = CF_ROCKS_TABLE_FORMAT + 1, VERSION_LIKELY = 15 };
enum { PROPERTIES_MAX = 4 * CF_MIB };

static const uint8_t magic[8] = {0xf7, 0xcf, 0xf4, 0x85, 0xb7, 0x41, 0xe2, 0x88};

typedef struct {
    int file;
    uint64_t size;
    int failed; /* errno of what the disk didn't give */
} reader;

static bool read_at(reader *from, uint64_t at, void *bytes, size_t size, size_t *read)
{
    const bool is_read = cf_descriptor_read_at(from->file, at, bytes, size, read);

    if (!is_read)
        from->failed = errno;
    return is_read && *read == size;
}

/* Of 7 bits a byte, the lowest first. False: `*bytes` ends before the number. */
static bool take_number(cf_bytes *bytes, uint64_t *out)
{
    uint64_t number = 0;

    for (unsigned shift = 0; bytes->size && shift < 64; shift += 7) {
        const uint8_t byte = bytes->data[0];

        *bytes = cf_bytes_of(bytes->data + 1, bytes->size - 1);
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = number;
            return true;
        }
    }
    return false;
}

/* `place` begins with where the block stands, and its length. */
static bool read_block(reader *from, cf_bytes place, cf_buffer *out)
{
    uint64_t at, length;

    if (!take_number(&place, &at) || !take_number(&place, &length) || length > PROPERTIES_MAX ||
        at > from->size || length > from->size - at)
        return false;
    cf_buffer_clear(out);
    return read_at(from, at, cf_buffer_reserve(out, length), length, &out->size);
}

static uint32_t little_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The next of a block's keys and values; a key says how much of the one before it it begins with.
 */
static bool take_pair(cf_bytes *pairs, cf_buffer *key, cf_bytes *value)
{
    uint64_t shared, more, length;

    if (!take_number(pairs, &shared) || !take_number(pairs, &more) ||
        !take_number(pairs, &length) || shared > key->size || more > pairs->size ||
        length > pairs->size - more)
        return false;
    key->size = shared;
    cf_buffer_append(key, pairs->data, more);
    *value = cf_bytes_of(pairs->data + more, length);
    *pairs = cf_bytes_of(pairs->data + more + length, pairs->size - more - length);
    return true;
}

/* A block ends with the places at which keys are whole, and how many these are. */
static bool find_in_block(cf_bytes block, const char *wanted, cf_bytes *value)
{
    cf_buffer key = {0};
    bool is_found = false;

    const uint64_t ends = block.size >= 4 ? little_u32(block.data + block.size - 4) : UINT32_MAX;
    if (4 * (ends + 1) > block.size)
        return false;
    cf_bytes pairs = cf_bytes_of(block.data, block.size - 4 * (ends + 1));
    while (!is_found && pairs.size && take_pair(&pairs, &key, value))
        is_found = cf_bytes_equal(cf_buffer_view(&key), cf_bytes_of_text(wanted));
    cf_buffer_release(&key);
    return is_found;
}

/* The name stands among the table's properties, and their place in an index of such things. */
static bool find_owner(reader *from, cf_bytes places, cf_rocks_table *of)
{
    cf_buffer index = {0}, properties = {0};
    cf_bytes place, name;
    bool is_known = false;

    if (read_block(from, places, &index) &&
        find_in_block(cf_buffer_view(&index), "rocksdb.properties", &place) &&
        read_block(from, place, &properties) &&
        find_in_block(cf_buffer_view(&properties), "rocksdb.column.family.name", &name))
        for (int i = 0; !is_known && i < CF_ROCKS_TABLES; i++) {
            is_known = cf_bytes_equal(name, cf_bytes_of_text(cf_rocks_table_names[i]));
            *of = (cf_rocks_table)i;
        }
    cf_buffer_release(&index);
    cf_buffer_release(&properties);
    return is_known;
}

/* `*is_known` is false of one that is damaged. CF_IO: the disk doesn't give it; CF_BROKEN: a newer
 * RocksDB wrote it. A version that was flipped stands behind places that are right. */
static cf_status read_owner(reader *from, const char *name, cf_rocks_table *of, bool *is_known,
                            cf_error *error)
{
    uint8_t footer[FOOTER];
    size_t read = 0;

    *is_known = false;
    const bool has_footer = from->size >= FOOTER &&
                            read_at(from, from->size - FOOTER, footer, FOOTER, &read) &&
                            memcmp(footer + FOOTER_MAGIC, magic, sizeof magic) == 0;
    if (has_footer)
        *is_known = find_owner(
            from, cf_bytes_of(footer + FOOTER_PLACES, FOOTER_VERSION - FOOTER_PLACES), of);
    if (from->failed)
        return cf_fail_errno(error, from->failed, "reading %s", name);
    const uint32_t version = has_footer ? little_u32(footer + FOOTER_VERSION) : 0;
    if (!*is_known && version >= VERSION_UNREAD && version <= VERSION_LIKELY)
        return cf_fail(
            error, CF_BROKEN,
            "%s is a table of RocksDB's format %" PRIu32
            ", and this program reads up to %d: repair it with the version that wrote it",
            name, version, CF_ROCKS_TABLE_FORMAT);
    return CF_OK;
}

/* ---- What a manifest says ---- */

/* Tags of what it says, which is told to RocksDB as if each table had been taken over from
 * elsewhere: at level 0, where tables may overlap, with 0 as its sequence numbers, which it doesn't
 * compare with those of other tables then. The numbers that decide stand beside each key. */
enum {
    COMPARATOR = 1,
    LOG_NUMBER = 2,
    NEXT_FILE = 3,
    LAST_SEQUENCE = 4,
    NEW_FILE = 100,
    FAMILY = 200,
    FAMILY_ADD = 201,
};

/* Of all that is in tables and logs: what is newer is not seen. */
#define ANY_SEQUENCE (UINT64_C(1) << 48)

static void put_number(cf_buffer *out, uint64_t number)
{
    do {
        const uint8_t byte = (uint8_t)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));

        cf_buffer_append(out, &byte, 1);
        number >>= 7;
    } while (number);
}

static void put_text(cf_buffer *out, const char *text)
{
    put_number(out, strlen(text));
    cf_buffer_append(out, text, strlen(text));
}

/* With a sequence number of 0 and the type of a value. */
static void put_key(cf_buffer *out, cf_bytes key)
{
    static const uint8_t number_and_type[8] = {1};

    put_number(out, key.size + sizeof number_and_type);
    cf_buffer_append(out, key.data, key.size);
    cf_buffer_append(out, number_and_type, sizeof number_and_type);
}

/* All logs are replayed. */
static void put_family(cf_buffer *out, cf_rocks_table of, unsigned long highest)
{
    if (of != CF_ROCKS_DEFAULT) {
        put_number(out, FAMILY);
        put_number(out, of);
        put_number(out, FAMILY_ADD);
        put_text(out, cf_rocks_table_names[of]);
    }
    put_number(out, COMPARATOR);
    put_text(out, "leveldb.BytewiseComparator");
    put_number(out, LOG_NUMBER);
    put_number(out, 0);
    put_number(out, NEXT_FILE);
    put_number(out, highest + 2); /* the manifest has the one before */
    put_number(out, LAST_SEQUENCE);
    put_number(out, ANY_SEQUENCE);
}

/* From before its first key to behind its last, which nobody has looked for: no key of ours begins
 * like that. */
static void put_table(cf_buffer *out, const table *it)
{
    uint8_t last[2 * CF_HASH_SIZE];

    memset(last, 0xff, sizeof last);
    put_number(out, FAMILY);
    put_number(out, it->of);
    put_number(out, NEW_FILE);
    put_number(out, 0); /* level */
    put_number(out, it->number);
    put_number(out, it->size);
    put_key(out, (cf_bytes){0});
    put_key(out, cf_bytes_of(last, sizeof last));
    put_number(out, 0); /* sequence numbers */
    put_number(out, 0);
}

static cf_status write_file(const char *path, const char *name, cf_bytes bytes, cf_error *error)
{
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int file =
        folder < 0
            ? -1
            : openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    const cf_status status = file >= 0 && cf_descriptor_write(file, bytes)
                                 ? CF_OK
                                 : cf_fail_errno(error, errno, "writing %s/%s", path, name);

    if (file >= 0)
        close(file);
    if (folder >= 0)
        close(folder);
    return status;
}

static cf_status write_manifest(const char *path, const tables *found, cf_error *error)
{
    cf_buffer log = {0}, said = {0};
    char name[NAME_SIZE];

    for (int i = 0; i < CF_ROCKS_TABLES; i++) {
        cf_buffer_clear(&said);
        put_family(&said, (cf_rocks_table)i, found->highest);
        cf_store_tail_append(&log, cf_buffer_view(&said));
    }
    for (size_t i = 0; i < found->count; i++) {
        cf_buffer_clear(&said);
        put_table(&said, &found->list[i]);
        cf_store_tail_append(&log, cf_buffer_view(&said));
    }
    snprintf(name, sizeof name, "MANIFEST-%06lu", found->highest + 1);
    cf_status status = write_file(path, name, cf_buffer_view(&log), error);
    cf_buffer_clear(&said);
    cf_buffer_append_text(&said, "%s\n", name);
    if (!status)
        status = write_file(path, "CURRENT", cf_buffer_view(&said), error);
    cf_buffer_release(&log);
    cf_buffer_release(&said);
    return status;
}

/* ---- What lies there ---- */

static void clear_trial(const char *trial)
{
    DIR *names = opendir(trial);
    const struct dirent *entry;

    while (names && (entry = cf_descriptor_next_name(names)))
        unlinkat(dirfd(names), entry->d_name, 0);
    if (names)
        closedir(names);
    rmdir(trial);
}

/* By RocksDB, alone in a database: what it can't open would hinder all others. A disk that doesn't
 * give it, or a process that may open no more, has not damaged it. */
static cf_status try_open(const char *path, const char *trial, const table *it, bool *is_whole,
                          cf_error *error)
{
    const cf_store_options options = {.path = trial, .salvages = true};
    const rocksdb_options_t *each[CF_ROCKS_TABLES];
    rocksdb_column_family_handle_t *handles[CF_ROCKS_TABLES];
    table alone = *it;
    const tables one = {&alone, 1, 1, it->number};
    char from[4096], to[4096], *text = NULL;
    cf_error ignored;

    *is_whole = true;
    clear_trial(trial);
    snprintf(from, sizeof from, "%s/%06lu.sst", path, it->number);
    snprintf(to, sizeof to, "%s/%06lu.sst", trial, it->number);
    if (mkdir(trial, 0700) || (link(from, to) && symlink(from, to)) ||
        write_manifest(trial, &one, &ignored))
        return CF_OK; /* opening all of them will tell */
    rocksdb_options_t *settings = cf_rocks_settings(&options);
    for (size_t i = 0; i < CF_ROCKS_TABLES; i++)
        each[i] = settings;
    rocksdb_t *db = rocksdb_open_for_read_only_column_families(
        settings, trial, CF_ROCKS_TABLES, cf_rocks_table_names, each, handles, 0, &text);
    for (size_t i = 0; !text && i < CF_ROCKS_TABLES; i++)
        rocksdb_column_family_handle_destroy(handles[i]);
    if (!text)
        rocksdb_close(db);
    const cf_status status = text ? cf_rocks_fail(error, text) : CF_OK;
    rocksdb_options_destroy(settings);
    *is_whole = !status;
    return status == CF_BROKEN ? CF_OK : status;
}

/* One that is damaged is left out. */
static cf_status note_table(int folder, const char *name, unsigned long number, tables *found,
                            cf_error *error)
{
    struct stat stat;
    table it = {.number = number};
    bool is_known = false;
    cf_status status = CF_OK;
    const int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (file < 0 || fstat(file, &stat)) {
        status = cf_fail_errno(error, errno, "opening %s", name);
    } else {
        reader from = {.file = file, .size = (uint64_t)stat.st_size};

        it.size = from.size;
        status = read_owner(&from, name, &it.of, &is_known, error);
    }
    if (is_known && !status) {
        *cf_one_more(found->list, found->count, found->capacity) = it;
    }
    if (file >= 0)
        close(file);
    return status;
}

static cf_status find_tables(const char *path, tables *found, cf_error *error)
{
    static const char manifest[] = "MANIFEST-";
    DIR *names = opendir(path);
    const struct dirent *entry;
    cf_status status = CF_OK;
    char *end;

    if (!names)
        return cf_fail_errno(error, errno, "opening %s", path);
    while (!status && (entry = cf_descriptor_next_name(names))) {
        const bool is_manifest = strncmp(entry->d_name, manifest, strlen(manifest)) == 0;
        const char *digits = entry->d_name + (is_manifest ? strlen(manifest) : 0);
        const unsigned long number = strtoul(digits, &end, 10);

        if (end == digits)
            continue;
        found->highest = number > found->highest ? number : found->highest;
        if (!is_manifest && strcmp(end, ".sst") == 0)
            status = note_table(dirfd(names), entry->d_name, number, found, error);
    }
    if (!status && errno)
        status = cf_fail_errno(error, errno, "listing %s", path);
    closedir(names);
    return status;
}

cf_status cf_store_manifest_make(const char *path, const char *trial, cf_error *error)
{
    tables found = {0};
    size_t kept = 0;
    bool is_whole;

    cf_status status = find_tables(path, &found, error);
    for (size_t i = 0; !status && i < found.count; i++) {
        status = try_open(path, trial, &found.list[i], &is_whole, error);
        if (!status && is_whole)
            found.list[kept++] = found.list[i];
    }
    found.count = kept;
    clear_trial(trial);
    if (!status)
        status = write_manifest(path, &found, error);
    free(found.list);
    return status;
}
