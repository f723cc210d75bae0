/* SPDX-License-Identifier: Apache-2.0 */
/* First the file is judged: by inode and birth, by what it held at earlier syncs, by its number of
 * writes and its times. Where it is another one, or an older copy, its rows are: a missing one was
 * deleted by nobody, and one that says what it said once is an edit only where a user can have
 * taken that back by hand. A user's word goes before both. */
#include "peer/sources/records/database_place.h"

#include "codec/bulk.h"
#include "codec/pack.h"
#include "peer/merge/node_stat.h"
#include "peer/sources/records/record_include.h"

/* ---- What of the base is in the database ---- */

/* Whether all that the database's row says the base's row says, too, and the other way round, of
 * the columns that count. */
static bool says_the_same(const cf_database_columns *columns, const cf_row *there,
                          const cf_row *base)
{
    bool same = true;

    if (cf_row_fields_equal(there, base))
        return true;
    for (size_t i = 0; same && i < there->field_count; i++) {
        const cf_row_field *field = cf_row_field_named(base, there->fields[i].name);

        same = !cf_database_counts(columns, base->table, there->fields[i].name) ||
               (field && cf_row_field_equal(field, &there->fields[i]));
    }
    for (size_t i = 0; same && i < base->field_count; i++)
        same = cf_row_field_named(there, base->fields[i].name) ||
               !cf_database_counts(columns, base->table, base->fields[i].name);
    return same;
}

/* The table is there, and can't be synced. */
static bool is_noticed(const cf_database_schema *schema, cf_bytes table)
{
    for (size_t i = 0; i < schema->notice_count; i++)
        if (cf_bytes_equal(schema->notices[i].name, table))
            return true;
    return false;
}

/* The rows of the base by whether the database has their tables. */
static void count_tables(const cf_binding *binding, const cf_database_schema *schema,
                         cf_database_standing *out)
{
    for (const cf_row *row = NULL; (row = cf_rows_next(binding->rows, row));) {
        if (cf_database_table_named(schema, row->table)) {
            out->missing++;
        } else if (!is_noticed(schema, row->table) &&
                   cf_record_includes_table(binding, row->table)) {
            out->gone++;
        }
    }
}

/* How the database stands to the base. A row in trouble is there, whatever it says. */
static void compare(const cf_binding *binding, const cf_database_columns *columns,
                    const cf_record_file *file, cf_database_standing *out)
{
    out->rows = cf_rows_count(binding->rows);
    count_tables(binding, columns->schema, out);
    for (size_t i = 0; i < file->count; i++) {
        const cf_row *there = &file->rows[i];
        const cf_row *row = cf_rows_find(binding->rows, there->table, there->key);

        out->missing -= row != NULL;
        out->back += row == NULL;
        out->changed += row && !says_the_same(columns, there, row);
    }
    for (size_t i = 0; i < file->trouble_count; i++) { /* of a row: it is there, whatever it says */
        const cf_record_trouble *trouble = &file->troubles[i];

        out->missing -= trouble->known && trouble->key.size &&
                        cf_rows_find(binding->rows, trouble->table, trouble->key);
    }
}

/* What the user's word for deletions does elsewhere: an older copy knows none of the edits since.
 * `to`: what the word does with the rows that another database lacks, or has otherwise. */
static void append_deed(const cf_database_standing *standing, const char *to, cf_buffer *out)
{
    const size_t others = standing->missing + standing->gone ? standing->changed : 0;

    if (standing->older) {
        cf_buffer_append_text(out, "takes back elsewhere too what was written since");
        return;
    }
    cf_buffer_append_text(out, "%s them elsewhere too", to);
    if (others)
        cf_buffer_append_text(out, ", and changes %zu other%s", others, others == 1 ? "" : "s");
}

static cf_status refuse(size_t count, const cf_database_standing *standing, const char *what,
                        const char *to, cf_error *error)
{
    const char *source = standing->source;
    cf_buffer deed = {0}, fill = {0};

    append_deed(standing, to, &deed);
    cf_buffer_append(&deed, "", 1);
    if (!standing->sends)
        cf_buffer_append_text(&fill, "`counterfoil repair %s --refill` fills it, or ", source);
    cf_buffer_append(&fill, "", 1);
    cf_status status =
        cf_fail(error, CF_UNSAFE,
                "%s stands in its place: %zu of %zu rows %s, nothing of it is synced. Put the "
                "%s one back, or %s`counterfoil sync %s --yes` %s",
                standing->older ? "an older copy" : "another database", count, standing->rows, what,
                standing->older ? "newer" : "old", (const char *)fill.data, source,
                (const char *)deed.data);
    cf_buffer_release(&deed);
    cf_buffer_release(&fill);
    return status;
}

static size_t differing_rows(const cf_database_standing *standing)
{
    return standing->missing + standing->gone + standing->back + standing->changed;
}

/* Whether what looks like an older copy may be this device's own doing once more: what it had
 * deleted is back, and what is missing it had taken away before. A write-ahead log leaves the
 * file's bytes uncounted, so an edit that is taken back makes the bytes that were there before it;
 * rows that come back lie elsewhere in it.
 *
 *     5 rows added, deleted, and added again, by this device:  back, an edit
 *     and deleted again:                                       this device had deleted them before
 *     5 rows added, a copy of before them put there:           never taken away, a copy */
static bool is_own_again(const cf_database_standing *standing)
{
    const size_t most = standing->closed ? CF_DATABASE_TAKEN_BACK : 0;

    return standing->weighed && standing->undone.first <= most &&
           (standing->closed || standing->changed <= CF_DATABASE_TAKEN_BACK);
}

/* Whether the rows that say what they said before may be edits that the user took back by hand, in
 * a database that looks older than the one before. Of what another device wrote one row may be set
 * back. Two such rows, or a missing one, are taken for a copy: a copy that its program has opened
 * has new bytes and times, as an edited database has. Where all that was written since one moment
 * is undone (`rewound`, `counts`), no row may differ.
 *
 *     `done` was set here in 4 rows, and is taken away again:  own work, an edit
 *     it was set elsewhere in 1 row, and is taken away here:   an edit
 *     it was set elsewhere in 2 rows, or 1 row was added:      a copy */
static bool may_be_taken_back(const cf_database_standing *standing)
{
    const size_t differing = differing_rows(standing), rows = differing - standing->changed;

    if (standing->rewound || standing->counts)
        return !differing;
    if (standing->undone.others)
        return !rows && standing->changed == 1;
    return ((!rows || standing->closed) && differing <= CF_DATABASE_TAKEN_BACK) ||
           (standing->written && standing->weighed) || is_own_again(standing);
}

cf_status cf_database_standing_check(const cf_database_standing *standing, cf_delete_word word,
                                     cf_error *error)
{
    size_t missing = standing->missing + standing->gone;

    if (standing->older && !word.given && may_be_taken_back(standing))
        return CF_OK;
    if (word.given ? !cf_guard_allows_others(word, missing, standing->rows) : missing > 0)
        return refuse(missing, standing, "are missing", "deletes", error);
    if (standing->older && !word.given)
        return refuse(standing->changed + standing->back, standing, "are as they were", "changes",
                      error);
    if ((standing->fewer && standing->changed && !word.given) ||
        !cf_guard_allows_others(word, standing->changed, standing->rows))
        return refuse(standing->changed, standing, "say something else", "changes", error);
    return CF_OK;
}

/* ---- Which file lies there ---- */

cf_status cf_database_see(cf_files *files, const char *path, sqlite3 *database,
                          cf_database_sight *out, cf_error *error)
{
    *out = (cf_database_sight){0};
    if (!cf_database_stat_beside(files, path, "", &out->stat, NULL))
        return CF_OK;
    cf_status status = cf_database_writes(database, &out->writes, error);
    return status ? status : cf_database_content(database, &out->content, error);
}

uint64_t cf_database_still(cf_files *files, const char *path, sqlite3 *database,
                           const cf_database_sight *seen)
{
    cf_error ignored;
    uint32_t writes;
    cf_stat now;

    bool still = cf_database_stat_beside(files, path, "", &now, NULL) &&
                 cf_stat_unchanged(&seen->stat, &now) &&
                 cf_database_writes(database, &writes, &ignored) == CF_OK && writes == seen->writes;
    return still ? seen->content : 0;
}

cf_status cf_database_pages(sqlite3 *database, uint32_t *out, cf_error *error)
{
    int64_t pages = 0, shrinks;

    cf_status status = cf_database_number(database, "PRAGMA main.auto_vacuum", &shrinks, error);
    if (!status && !shrinks)
        status = cf_database_number(database, "PRAGMA main.page_count", &pages, error);
    if (!status)
        *out = pages > 0 && pages <= UINT32_MAX ? (uint32_t)pages : 0;
    return status;
}

/* What tells this file from another: its inode, with the time of birth, or else the device; and
 * what its program says that the database is. */
static cf_status identify(const cf_stat *stat, sqlite3 *database, cf_database_identity *out,
                          cf_error *error)
{
    cf_buffer parts = {0};
    int64_t application;

    cf_status status =
        cf_database_number(database, "PRAGMA main.application_id", &application, error);
    if (!status)
        status = cf_database_writes(database, &out->writes, error);
    if (!status)
        status = cf_database_pages(database, &out->pages, error);
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

/* The file has the bytes of some sync before the last one; or of the last one, when its news may
 * have lain in a log that is gone. */
static bool is_older(const cf_database_place *place)
{
    const size_t count = place->content_count;

    if (!place->is.content || !count)
        return false;
    if (place->contents[count - 1] == place->is.content)
        return place->kept.logs && !place->is.logs;
    for (size_t i = 0; i + 1 < count; i++)
        if (place->contents[i] == place->is.content)
            return true;
    return false;
}

/* There is nothing to compare the file with, or it is the same file. */
static bool is_the_same(const cf_database_place *place)
{
    static const cf_hash none;

    return cf_hash_equal(&place->kept.file, &none) ||
           cf_hash_equal(&place->kept.file, &place->is.file);
}

/* A copy was seen to lie over the file at this time. That stays so where a later look finds other
 * times: to look makes a log and takes it away. */
static bool is_copied(const cf_database_place *place)
{
    return place->copied_ns && place->copied_ns == place->is.mtime_ns && !place->is.logs;
}

/* Instead of a time: the file was held as an older copy, and is a copy, whatever is written to it,
 * until its rows are settled. */
static const int64_t held_ns = INT64_MAX;

/* What lies there is the file that was kept, and counts fewer writes than it did. */
static bool counts_fewer(const cf_database_place *place)
{
    return cf_hash_equal(&place->kept.file, &place->is.file) &&
           place->is.writes < place->kept.writes;
}

/* The file, though it may be another one, is older than the one that was synced, and was not
 * written to more often. */
static bool is_set_back(const cf_database_place *place)
{
    return place->is.mtime_ns < place->kept.mtime_ns && place->is.writes <= place->kept.writes;
}

/* ---- Kept are the file's hash, how often it was written, 4 bytes big-endian, what it held then
 * and before, 8 bytes big-endian each, and its log: 1 byte (0: none; 2: and the last of what it
 * held only a look found), the file's time and that of a copy that lay over it, 8 bytes each, and
 * its pages, 4 bytes; all but the hash may be left out ---- */

static cf_bytes key_of(const cf_binding *binding, cf_arena *arena)
{
    return cf_key_source(arena, CF_TABLE_DATABASE, binding->number);
}

enum {
    WRITES_SIZE = 4,
    CONTENT_SIZE = 8,
    TIME_SIZE = 8,
    LOG_SIZE = 1 + 2 * TIME_SIZE,
    PAGES_SIZE = 4
};

static void append_number(cf_buffer *out, uint64_t number, size_t size)
{
    while (size-- > 0) {
        const uint8_t byte = (uint8_t)(number >> 8 * size);

        cf_buffer_append(out, &byte, 1);
    }
}

static uint64_t number_at(cf_bytes value, size_t at, size_t size)
{
    uint64_t number = 0;

    for (size_t i = at; i < at + size; i++)
        number = number << 8 | value.data[i];
    return number;
}

static void pack(const cf_database_place *place, cf_buffer *out)
{
    cf_buffer_append(out, place->kept.file.bytes, sizeof place->kept.file.bytes);
    append_number(out, place->kept.writes, WRITES_SIZE);
    for (size_t i = 0; i < place->content_count; i++)
        append_number(out, place->contents[i], CONTENT_SIZE);
    append_number(out, place->kept.logs ? 1U + place->is_of_look : 0, 1);
    append_number(out, (uint64_t)place->kept.mtime_ns, TIME_SIZE);
    append_number(out, (uint64_t)place->copied_ns, TIME_SIZE);
    append_number(out, place->kept.pages, PAGES_SIZE);
}

static void unpack_log(cf_bytes value, size_t at, cf_database_place *out)
{
    out->kept.logs = number_at(value, at, 1) > 0;
    out->is_of_look = number_at(value, at, 1) > 1;
    out->kept.mtime_ns = (int64_t)number_at(value, at + 1, TIME_SIZE);
    out->copied_ns = (int64_t)number_at(value, at + 1 + TIME_SIZE, TIME_SIZE);
}

/* What earlier programs kept ends sooner: without pages, log and times, contents, writes. */
static void unpack(cf_bytes value, cf_database_place *out)
{
    const size_t head = sizeof out->kept.file.bytes, rest = head + WRITES_SIZE;

    if (value.size >= rest + LOG_SIZE + PAGES_SIZE &&
        (value.size - rest) % CONTENT_SIZE == 1 + PAGES_SIZE) {
        value.size -= PAGES_SIZE;
        out->kept.pages = (uint32_t)number_at(value, value.size, PAGES_SIZE);
    }
    if (value.size >= rest + LOG_SIZE && (value.size - rest) % CONTENT_SIZE == 1) {
        value.size -= LOG_SIZE;
        unpack_log(value, value.size, out);
    }
    if (value.size != head && (value.size < rest || (value.size - rest) % CONTENT_SIZE != 0 ||
                               value.size > rest + CF_DATABASE_CONTENTS * CONTENT_SIZE))
        return;
    memcpy(out->kept.file.bytes, value.data, head);
    out->kept.writes = value.size > head ? (uint32_t)number_at(value, head, WRITES_SIZE) : 0;
    out->content_count = 0;
    for (size_t at = rest; at < value.size; at += CONTENT_SIZE)
        out->contents[out->content_count++] = number_at(value, at, CONTENT_SIZE);
    if (out->content_count)
        out->kept.content = out->contents[out->content_count - 1];
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
        unpack(cf_buffer_view(&value), place);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status == CF_MISSING ? CF_OK : status;
}

/* A copy lies over the file from now on: until that has another time, or is settled. */
static cf_status keep_copied(cf_database_place *place, int64_t copied_ns, const cf_medium *medium,
                             cf_error *error)
{
    cf_store *store = cf_home_store(medium->peer->home);
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_kv_list records = {0};

    if (place->copied_ns == held_ns || place->copied_ns == copied_ns)
        return CF_OK;
    place->copied_ns = copied_ns;
    pack(place, &value);
    cf_kv_list_put(&records, key_of(medium->binding, &arena), cf_buffer_view(&value));
    cf_status status =
        store->write(store, cf_peer_user(medium->peer), records.at, records.count, true, error);
    cf_kv_list_release(&records);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status;
}

/* Whether the file is an older copy, and which of the rows that differ may be edits. */
static cf_status judge(cf_database_place *place, const cf_medium *medium,
                       const cf_database_traces *traces, sqlite3 *database,
                       cf_database_standing *out, cf_error *error)
{
    bool logs;

    out->older = is_older(place);
    cf_status status = cf_database_logs(database, &logs, error);
    if (status)
        return status;
    const cf_database_writer writer =
        logs ? cf_database_writer_of(traces, place->kept.mtime_ns, out->older) : CF_DATABASE_UNTOLD;
    const bool overwritten =
        place->is.logs && differing_rows(out) && cf_database_log_is_overwritten(database);
    if (writer == CF_DATABASE_COPIED || overwritten)
        status = keep_copied(place, place->is.mtime_ns, medium, error);
    out->fewer =
        counts_fewer(place) && traces->file.birth_ns; /* else another one may have its number */
    out->copied = overwritten || counts_fewer(place) || is_copied(place) || is_set_back(place) ||
                  place->copied_ns == held_ns;
    out->counts = place->is.writes != place->kept.writes || out->copied;
    out->closed = writer == CF_DATABASE_BY_PROGRAM && !is_copied(place) &&
                  (traces->logs || !place->kept.logs);
    return status;
}

/* Whether all that was written since one moment is undone, whatever else was done since
 * (database_rewound.h). Of a new file only rows that are so count against it; one that has the
 * bytes of before lacks what it lacks. */
static cf_status rewind_rows(const cf_medium *medium, const cf_database_columns *columns,
                             const cf_record_file *file, cf_database_standing *standing,
                             cf_error *error)
{
    const cf_database_compared compared = {.peer = medium->peer,
                                           .binding = medium->binding,
                                           .columns = *columns,
                                           .file = file,
                                           .shrank = standing->shrank};
    cf_database_rewound found;

    if (medium->word.given || standing->missing + standing->changed <= CF_DATABASE_TAKEN_BACK)
        return CF_OK;
    cf_status status = cf_database_rewound_count(&compared, &found, error);
    standing->rewound = !status && found.missing + found.changed > 0;
    if (standing->rewound && !standing->older) {
        standing->older = true;
        standing->missing = found.missing;
        standing->changed = found.changed;
        standing->gone = standing->back = 0;
    }
    return status;
}

/* Finds out whether the copy that lies over the file is an older one: no more of it is new than is
 * missing, or as it was once. */
static cf_status date_copy(const cf_medium *medium, const cf_database_columns *columns,
                           const cf_record_file *file, cf_database_standing *standing,
                           cf_error *error)
{
    const cf_database_undone *undone = &standing->undone;

    if (medium->word.given || !differing_rows(standing))
        return CF_OK;
    cf_status status = cf_database_undone_count(medium->peer, medium->binding, columns, file,
                                                &standing->undone, error);
    const size_t before = undone->before + standing->missing + standing->gone;
    standing->older = !status && before && before >= undone->anew;
    standing->fewer &= undone->before || undone->anew; /* nobody can tell of long values yet */
    if (standing->older) {
        standing->changed = undone->before;
        standing->back = 0;
    }
    return status;
}

/* Finds out what takes longer than a look: only where the file is an older copy, or rows that
 * differ may come from one. */
static cf_status weigh(const cf_medium *medium, sqlite3 *database,
                       const cf_database_columns *columns, const cf_record_file *file,
                       cf_database_standing *standing, cf_error *error)
{
    if (!standing->older && standing->copied) {
        cf_status status = date_copy(medium, columns, file, standing, error);
        if (status || standing->older)
            return status;
    }
    if (!standing->older)
        return rewind_rows(medium, columns, file, standing, error);
    if (medium->word.given || !differing_rows(standing))
        return CF_OK;
    standing->written = cf_database_log_is_in_file(database);
    if (standing->counts)
        return CF_OK;
    standing->weighed = true; /* a copy may have brought its log along */
    cf_status status = cf_database_undone_count(medium->peer, medium->binding, columns, file,
                                                &standing->undone, error);
    return status || standing->written ? status
                                       : rewind_rows(medium, columns, file, standing, error);
}

cf_status cf_database_place_check(cf_database_place *place, const cf_medium *medium,
                                  const cf_database_traces *traces, sqlite3 *database,
                                  const cf_database_schema *schema, cf_record_file *file,
                                  bool *lacks, cf_error *error)
{
    const cf_database_columns columns = {schema, medium->had};
    const cf_stat *stat = &traces->file;
    cf_database_standing standing = {0};
    char word[CF_PATH_TYPED];
    cf_status status = CF_OK;
    cf_error ignored;

    if (!medium->peer)
        return CF_OK;
    if (!place->known)
        status = recall(place, medium->peer, medium->binding, error);
    place->known = !status;
    if (!status)
        status = identify(stat, database, &place->is, error);
    place->is.content =
        cf_stat_same_file(stat, &place->seen.stat)
            ? cf_database_still(medium->files, medium->binding->path, database, &place->seen)
            : 0;
    place->is.logs = cf_database_has_log(traces);
    place->is.mtime_ns = stat->mtime_ns;
    place->agrees = false;
    if (status || !cf_rows_count(medium->binding->rows))
        return status;
    compare(medium->binding, &columns, file, &standing);
    place->agrees = !differing_rows(&standing);
    status = judge(place, medium, traces, database, &standing, error);
    if (status)
        return status;
    standing.source = cf_binding_path_typed(medium->binding, word);
    standing.shrank = place->is.pages && place->is.pages < place->kept.pages;
    standing.sends = medium->binding->mode == CF_MODE_SEND;
    *lacks = standing.missing > 0;
    const bool is_known =
        is_the_same(place) && !standing.older && !standing.copied; /* only written */
    status = weigh(medium, database, &columns, file, &standing, error);
    if ((is_known && !standing.rewound) || status)
        return status;
    status = cf_database_standing_check(&standing, medium->word, error);
    if (status && standing.older)
        keep_copied(place, held_ns, medium, &ignored);
    return status;
}

/* Keeps what the file holds now as what was synced last; of those before each once. What a look
 * found takes the place of what the one before found: so it pushes out no content of a sync. */
static void add_content(cf_database_place *place, bool is_of_look)
{
    const size_t count = place->content_count - (is_of_look && place->is_of_look);
    size_t kept = 0;

    if (!place->is.content)
        return;
    for (size_t i = 0; i < count; i++)
        if (place->contents[i] != place->is.content)
            place->contents[kept++] = place->contents[i];
    if (kept == CF_DATABASE_CONTENTS)
        memmove(place->contents, place->contents + 1, --kept * sizeof *place->contents);
    place->contents[kept++] = place->is.content;
    place->content_count = kept;
    place->is_of_look = is_of_look;
}

void cf_database_place_keep(cf_database_place *place, const cf_binding *binding,
                            cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};
    const cf_database_identity *kept = &place->kept, *is = &place->is;
    const bool same = cf_hash_equal(&kept->file, &is->file) && kept->writes <= is->writes;
    const bool held = place->copied_ns == held_ns;
    const bool settles = records->count || (place->agrees && (held || (is->content && kept->logs)));
    const bool written = settles && (held || kept->writes != is->writes ||
                                     kept->content != is->content || kept->logs != is->logs);

    if (place->known && (!same || written)) {
        add_content(place, records->count == 0);
        place->kept = place->is;
        place->copied_ns = 0;
        pack(place, &value);
        cf_kv_list_put(records, key_of(binding, &arena), cf_buffer_view(&value));
    }
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}
