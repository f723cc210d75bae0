/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/records/database_place.h"
#include "peer/sources/records/record_include.h"

#include "codec/clock.h"
#include "codec/hash.h"
#include "codec/pack.h"

#include <stdlib.h>

/* ---- Traces ---- */

static bool stat_beside(cf_files *files, const char *path, const char *suffix, cf_stat *out)
{
    char *real = realpath(path, NULL); /* a log lies beside the file that a link leads to */
    cf_folder *folder = NULL;
    cf_buffer name = {0};
    cf_error ignored;
    cf_bytes last;

    cf_buffer_append_text(&name, "%s%s", real ? real : path, suffix);
    cf_buffer_append(&name, "", 1);
    bool there =
        cf_files_open_above(files, (const char *)name.data, &folder, &last, &ignored) == CF_OK &&
        files->stat(files, folder, last, out, &ignored) == CF_OK;
    files->close_folder(files, &folder);
    cf_buffer_release(&name);
    free(real);
    return there;
}

static bool is_fresh(const cf_files *files, const cf_stat *stat, uint64_t now_ms)
{
    int64_t age = cf_ns_of_ms(now_ms) - stat->mtime_ns;

    return age <= 2 * files->tick_ns && age > -1000000000;
}

cf_database_traces cf_database_traces_of(cf_files *files, const char *path, uint64_t now_ms)
{
    cf_database_traces traces = {0};

    traces.there = stat_beside(files, path, "", &traces.file);
    traces.logs = stat_beside(files, path, "-wal", &traces.log);
    traces.fresh = (traces.there && is_fresh(files, &traces.file, now_ms)) ||
                   (traces.logs && is_fresh(files, &traces.log, now_ms));
    return traces;
}

/* What an empty log is beside the file, or none, is the same. */
static bool has_log(const cf_database_traces *traces)
{
    return traces->logs && traces->log.size > 0;
}

bool cf_database_traces_differ(const cf_database_traces *before, const cf_database_traces *now)
{
    return before->fresh || before->there != now->there || has_log(before) != has_log(now) ||
           (now->there && !cf_stat_unchanged(&before->file, &now->file)) ||
           (has_log(now) && !cf_stat_unchanged(&before->log, &now->log));
}

/* ---- What of the base is in it ---- */

static bool says_the_same(const cf_row *there, const cf_row *base)
{
    bool same = true;

    if (cf_row_fields_equal(there, base))
        return true;
    for (size_t i = 0; same && i < there->field_count; i++) {
        const cf_row_field *field = cf_row_field_named(base, there->fields[i].name);

        same = field && cf_row_field_equal(field, &there->fields[i]);
    }
    return same;
}

static bool is_noticed(const cf_database_schema *schema, cf_bytes table)
{
    for (size_t i = 0; i < schema->notice_count; i++)
        if (cf_bytes_equal(schema->notices[i].name, table))
            return true;
    return false;
}

/* Once for each table: the names of rows are shared. */
static void note_gone(cf_record_file *file, cf_bytes table)
{
    cf_row none = {.table = table};

    for (size_t i = 0; i < file->trouble_count; i++)
        if (cf_bytes_equal(file->troubles[i].table, table) && !file->troubles[i].key.size)
            return;
    cf_record_file_trouble(file, 0, &none,
                           "this table is not here any more: its rows stay as they are elsewhere");
    file->troubles[file->trouble_count - 1].where = file->troubles[file->trouble_count - 1].table;
}

bool cf_database_is_wanted(const void *context, cf_bytes table)
{
    return cf_record_includes_table(context, table);
}

/* The rows of the base by whether the database has their tables. */
static void count_tables(const cf_binding *binding, const cf_database_schema *schema,
                         cf_record_file *file, cf_database_standing *out)
{
    for (const cf_row *row = NULL; (row = cf_rows_next(binding->rows, row));) {
        if (cf_database_table_named(schema, row->table)) {
            out->missing++;
        } else if (!is_noticed(schema, row->table) && cf_database_is_wanted(binding, row->table)) {
            out->gone++;
            note_gone(file, row->table);
        }
    }
}

/* `closely`: also which rows say something else. */
static cf_database_standing compare(const cf_binding *binding, const cf_database_schema *schema,
                                    cf_record_file *file, bool closely)
{
    cf_database_standing standing = {.rows = cf_rows_count(binding->rows)};

    count_tables(binding, schema, file, &standing);
    for (size_t i = 0; i < file->count; i++) {
        const cf_row *there = &file->rows[i];
        const cf_row *row = cf_rows_find(binding->rows, there->table, there->key);

        standing.missing -= row != NULL;
        standing.changed += row && closely && !says_the_same(there, row);
    }
    for (size_t i = 0; i < file->trouble_count; i++) { /* of a row: it is there, whatever it says */
        const cf_record_trouble *trouble = &file->troubles[i];

        standing.missing -= trouble->known && trouble->key.size &&
                            cf_rows_find(binding->rows, trouble->table, trouble->key);
    }
    return standing;
}

static cf_status refuse(size_t count, const cf_database_standing *standing, const char *what,
                        const char *to, cf_error *error)
{
    return cf_fail(error, CF_UNSAFE,
                   "another database stands in its place: %zu of %zu rows %s, nothing of it is "
                   "synced. Put the old one back, or say `sync --yes` to %s them elsewhere too",
                   count, standing->rows, what, to);
}

cf_status cf_database_standing_check(const cf_database_standing *standing, cf_delete_word word,
                                     cf_error *error)
{
    size_t missing = standing->missing + standing->gone;

    if (word.given ? !cf_guard_allows_others(word, missing, standing->rows) : missing > 0)
        return refuse(missing, standing, "are missing", "delete", error);
    if (!cf_guard_allows_others(word, standing->changed, standing->rows))
        return refuse(standing->changed, standing, "say something else", "change", error);
    return CF_OK;
}

/* ---- Which it is ---- */

static cf_status identify(const cf_stat *stat, sqlite3 *database, cf_database_identity *out,
                          cf_error *error)
{
    cf_buffer parts = {0};
    int64_t application;

    cf_status status =
        cf_database_number(database, "PRAGMA main.application_id", &application, error);
    if (!status)
        status = cf_database_writes(database, &out->writes, error);
    cf_pack_array(&parts, 4);
    cf_pack_uint(&parts, stat->birth_ns ? 0 : stat->device);
    cf_pack_uint(&parts, stat->inode);
    cf_pack_int(&parts, stat->birth_ns);
    cf_pack_int(&parts, application);
    cf_bytes packed = cf_buffer_view(&parts);
    out->file = cf_hash_of("database", &packed, 1);
    cf_buffer_release(&parts);
    return status;
}

/* Nothing to compare with, or the same file, which was only written since. */
static bool is_the_same(const cf_database_place *place)
{
    static const cf_hash none;

    return cf_hash_equal(&place->kept.file, &none) ||
           (cf_hash_equal(&place->kept.file, &place->is.file) &&
            place->is.writes >= place->kept.writes);
}

/* ---- Keeping it: the file's hash, and how often it was written, 4 bytes big-endian, which
 * programs before this one left out ---- */

static cf_bytes key_of(const cf_binding *binding, cf_arena *arena)
{
    return cf_key_source(arena, CF_TABLE_DATABASE, binding->number);
}

static void pack(const cf_database_identity *identity, cf_buffer *out)
{
    cf_buffer_append(out, identity->file.bytes, sizeof identity->file.bytes);
    for (int shift = 24; shift >= 0; shift -= 8) {
        const uint8_t byte = (uint8_t)(identity->writes >> shift);

        cf_buffer_append(out, &byte, 1);
    }
}

static void unpack(cf_bytes value, cf_database_identity *out)
{
    const size_t size = sizeof out->file.bytes;

    if (value.size != size && value.size != size + 4)
        return;
    memcpy(out->file.bytes, value.data, size);
    out->writes = 0;
    for (size_t i = size; i < value.size; i++)
        out->writes = out->writes << 8 | value.data[i];
}

static cf_status recall(cf_database_place *place, cf_peer *peer, const cf_binding *binding,
                        cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_buffer value = {0};
    cf_arena arena = {0};

    cf_status status =
        store->get(store, cf_peer_user(peer), key_of(binding, &arena), &value, error);
    if (!status)
        unpack(cf_buffer_view(&value), &place->kept);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status == CF_MISSING ? CF_OK : status;
}

cf_status cf_database_place_check(cf_database_place *place, const cf_medium *medium,
                                  const cf_stat *stat, sqlite3 *database,
                                  const cf_database_schema *schema, cf_record_file *file,
                                  bool *lacks, cf_error *error)
{
    cf_status status = CF_OK;

    if (!medium->peer)
        return CF_OK;
    if (!place->known)
        status = recall(place, medium->peer, medium->binding, error);
    place->known = !status;
    if (!status)
        status = identify(stat, database, &place->is, error);
    if (status || !cf_rows_count(medium->binding->rows))
        return status;
    bool is_known = is_the_same(place);
    cf_database_standing standing = compare(medium->binding, schema, file, !is_known);
    *lacks = standing.missing > 0;
    return is_known ? CF_OK : cf_database_standing_check(&standing, medium->word, error);
}

void cf_database_place_keep(cf_database_place *place, const cf_binding *binding,
                            cf_records *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};
    bool same =
        cf_hash_equal(&place->kept.file, &place->is.file) && place->kept.writes <= place->is.writes;
    bool written = records->count && place->kept.writes != place->is.writes;

    if (place->known && (!same || written)) { /* of writes to other tables nothing is kept */
        pack(&place->is, &value);
        cf_records_put(records, key_of(binding, &arena), cf_buffer_view(&value));
        place->kept = place->is;
    }
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}
