/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps rows from being read: a map that can't be used, a file that is cut short, one that
 * isn't the source's (database_place.h), damage where rows are missing, and a lock of another
 * program, which is waited for BUSY_MAX looks before it is told. Only a damaged database is made
 * anew. */
#include "peer/sources/records/medium_database.h"

#include "peer/adapters/sqlite/database_layout.h"
#include "peer/adapters/sqlite/database_remake.h"
#include "peer/adapters/sqlite/database_rows.h"
#include "peer/sources/records/database_made.h"
#include "peer/sources/records/database_place.h"
#include "peer/sources/records/record_include.h"

#include <stdlib.h>
#include <string.h>

enum { BUSY_MAX = 8 }; /* looks in a row that found it taken, until that is said */

typedef struct {
    cf_medium medium;
    cf_record_map *map;        /* NULL: the database declares all there is */
    cf_database_schema schema; /* as last read, */
    cf_record_file before;     /* with these rows, of the content's, until it rests */
    bool is_read;
    bool is_damaged;           /* the last read found it so */
    cf_database_place place;   /* what the file was, */
    cf_database_traces traces; /* and what its program leaves when it writes */
    int busy;
    cf_buffer layout;  /* as last read, where the others are told of it, */
    bool works;        /* and a database can be made so */
    cf_error unmapped; /* why the binding's map can't be used */
} database_medium;

static database_medium *of(cf_medium *medium)
{
    return (database_medium *)medium;
}

static void rest(cf_medium *medium)
{
    cf_database_schema_release(&of(medium)->schema);
    free(of(medium)->before.rows);
    of(medium)->before = (cf_record_file){0};
    of(medium)->is_read = false;
}

static void destroy(cf_medium *medium)
{
    rest(medium);
    cf_record_map_destroy(&of(medium)->map);
    cf_buffer_release(&of(medium)->layout);
    free(medium);
}

static cf_status check(cf_medium *medium, cf_error *error)
{
    const char *path = medium->binding->path;
    cf_database_traces traces = cf_database_traces_of(medium->files, path, 0);

    return traces.there
               ? CF_OK
               : cf_fail(error, CF_MISSING,
                         "%s is not there: its program has to make the database first", path);
}

static cf_status recover(cf_medium *medium, cf_error *error)
{
    (void)medium;
    (void)error;
    return CF_OK; /* a transaction leaves nothing behind */
}

/* Another program has the database locked: one that writes is soon ready, and is waited for; one
 * that holds it for itself says so by not letting go for several looks. */
static cf_status be_patient(database_medium *self, cf_status status, cf_error *error)
{
    if (status != CF_LOCKED) {
        self->busy = 0;
    } else if (!self->medium.peer) { /* of `add` */
        status = cf_fail(error, CF_LOCKED,
                         "another program holds the database for itself: close that program, and "
                         "add it again");
    } else if (self->busy++ < BUSY_MAX) {
        status = error->status = CF_CHANGED;
    } else {
        status = cf_fail(error, CF_LOCKED,
                         "another program holds the database for itself: it is synced when that "
                         "program is closed");
    }
    if (status)
        cf_error_while(error, "%s", self->medium.binding->path);
    return status;
}

/* ---- Reading ---- */

/* Which tables are to be synced, and which patterns of `--exclude` met one. */
typedef struct {
    const cf_binding *binding;
    bool *met;
} table_choice;

/* A table's rows are read if `--include` and `--exclude` let the table in; which of the latter met
 * a table is noted. */
static bool is_wanted(const void *context, cf_bytes table)
{
    const table_choice *self = context;

    for (size_t i = 0; i < self->binding->exclude_count; i++)
        self->met[i] |= cf_record_pattern_names(self->binding->exclude[i], table);
    return cf_record_includes_table(self->binding, table);
}

/* Lists patterns of `--exclude` that met no table: a name that was typed wrong leaves nothing out.
 */
static void note_unmet(cf_record_file *file, const table_choice *tables)
{
    for (size_t i = 0; i < tables->binding->exclude_count; i++) {
        cf_buffer name = {0};

        if (tables->met[i])
            continue;
        cf_buffer_append_text(&name, "--exclude %s", tables->binding->exclude[i]);
        const cf_row none = {.table = cf_buffer_view(&name)};
        cf_record_file_trouble(file, 0, &none, "no table is called so");
        file->troubles[file->trouble_count - 1].where =
            file->troubles[file->trouble_count - 1].table;
        file->troubles[file->trouble_count - 1].harmless = true;
        cf_buffer_release(&name);
    }
}

/* The reason, and how to be in sync without the table. */
static const char *with_advice(cf_record_file *file, const cf_database_notice *notice,
                               const char *path)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text,
                          "%s; to be in sync without it, leave out its table: `counterfoil set "
                          "%s --exclude TABLE`",
                          notice->reason, path);
    const char *kept = cf_arena_text(&file->arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return kept;
}

/* Lists what of the database isn't synced, beside what is in trouble; not all of that keeps the
 * source from being in sync. */
static void note(cf_record_file *file, const cf_database_schema *schema, const cf_medium *medium)
{
    for (size_t i = 0; i < file->trouble_count; i++)
        if (!file->troubles[i].known)
            file->troubles[i].where = file->troubles[i].table;
    for (size_t i = 0; i < schema->notice_count; i++) {
        const cf_database_notice *notice = &schema->notices[i];
        const bool harmless = cf_database_notice_is_harmless(notice, medium->schema);
        cf_row none = {.table = notice->name};

        cf_record_file_trouble(file, 0, &none,
                               harmless ? notice->reason
                                        : with_advice(file, notice, medium->binding->path));
        file->troubles[file->trouble_count - 1].where =
            file->troubles[file->trouble_count - 1].table;
        file->troubles[file->trouble_count - 1].harmless = harmless;
    }
}

/* CF_MALFORMED: the file is shorter than its pages, and reading would give zeros for the last one.
 * What is only in the log lies there. To be asked within a transaction, in which the file keeps its
 * size. */
static cf_status check_size(const database_medium *self, sqlite3 *database, cf_error *error)
{
    const cf_medium *medium = &self->medium;
    int64_t pages, page_size;

    cf_status status = cf_database_number(database, "PRAGMA main.page_count", &pages, error);
    if (!status)
        status = cf_database_number(database, "PRAGMA main.page_size", &page_size, error);
    if (status)
        return status;
    const cf_database_traces now = cf_database_traces_of(medium->files, medium->binding->path, 0);
    const bool logs = now.logs && now.log.size > 0;
    return logs || !now.there || now.file.size >= (uint64_t)pages * (uint64_t)page_size
               ? CF_OK
               : cf_fail(
                     error, CF_MALFORMED, "it is cut short: %llu bytes are missing",
                     (unsigned long long)((uint64_t)pages * (uint64_t)page_size - now.file.size));
}

/* Reads how the database is laid out, and finds out whether one can be made so; a layout that is
 * told already, or was tried before, isn't tried again. */
static cf_status read_layout(database_medium *self, sqlite3 *database, cf_error *error)
{
    cf_buffer layout = {0};

    if (!self->medium.peer || self->medium.only_looks)
        return CF_OK;
    cf_status status = cf_database_layout_pack(database, &layout, error);
    const cf_bytes now = cf_buffer_view(&layout);
    if (!status && !cf_bytes_equal(now, cf_buffer_view(&self->layout))) {
        self->works = cf_bytes_equal(now, self->medium.layout) || cf_database_layout_works(now);
        cf_buffer_release(&self->layout);
        self->layout = layout;
        layout = (cf_buffer){0};
    }
    cf_buffer_release(&layout);
    return status;
}

/* Reads schema and rows in one transaction. What the file held is seen before that; where rows of
 * the base are missing, the database is inspected: what damage took away is not deleted. */
static cf_status read_all(database_medium *self, sqlite3 *database, const table_choice *tables,
                          cf_medium_content *out, cf_error *error)
{
    const cf_binding *binding = self->medium.binding;
    cf_database_choice choice = {.wants = is_wanted,
                                 .context = tables,
                                 .last = (const char *const *)binding->last,
                                 .last_count = binding->last_count,
                                 .natural = (const char *const *)binding->natural,
                                 .natural_count = binding->natural_count};
    bool lacks = false;

    if (self->map)
        choice.references = cf_record_map_references(self->map, &choice.reference_count);
    cf_status status =
        cf_database_see(self->medium.files, binding->path, database, &self->place.seen, error);
    if (!status)
        status = cf_database_run(database, "BEGIN", error);
    if (!status)
        status = cf_database_schema_read(database, &choice, &self->schema, error);
    if (!status)
        status = check_size(self, database, error);
    if (!status)
        status = read_layout(self, database, error);
    if (!status)
        status = cf_database_rows_read(database, &self->schema, binding->rows, &out->file, error);
    if (!status)
        status = cf_database_place_check(&self->place, &self->medium, &self->traces, database,
                                         &self->schema, &out->file, &lacks, error);
    if (!status && lacks)
        status = cf_database_inspect(database, error);
    return status;
}

/* Keeps the rows as they are now, for the write: in the look's others will stand for their long
 * values. */
static void keep_rows(database_medium *self, const cf_record_file *file)
{
    self->before = *file;
    self->before.rows = cf_allocate(file->count, sizeof *file->rows);
    if (file->count)
        memcpy(self->before.rows, file->rows, file->count * sizeof *file->rows);
    self->is_read = true;
}

static cf_status read(cf_medium *medium, uint64_t now_ms, cf_medium_content *out, cf_error *error)
{
    database_medium *self = of(medium);
    sqlite3 *database = NULL;

    rest(medium);
    if (self->unmapped.status)
        return cf_fail(error, CF_BROKEN, "%s", self->unmapped.text);
    self->traces = cf_database_traces_of(medium->files, medium->binding->path, now_ms);
    if (!self->traces.there)
        return check(medium, error); /* it is never made, whatever there is to show */
    const table_choice tables = {medium->binding,
                                 cf_arena_allocate(&out->arena, medium->binding->exclude_count, 1)};
    cf_status status = cf_database_open(medium->binding->path, false, &database, error);
    if (!status)
        status = read_all(self, database, &tables, out, error);
    cf_database_close(&database);
    self->is_damaged = status == CF_MALFORMED;
    status = be_patient(self, status, error);
    if (status)
        return status;
    note(&out->file, &self->schema, medium);
    note_unmet(&out->file, &tables);
    out->there = true;
    out->format = self->schema.format;
    out->schema = &self->schema.schema;
    out->joins = &self->schema;
    if (self->works && !medium->only_looks)
        out->layout = cf_arena_copy(&out->arena, cf_buffer_view(&self->layout));
    keep_rows(self, &out->file);
    return CF_OK;
}

/* Rows that are known by what they join get the keys of the view. */
static void meet(cf_medium *medium, const cf_row_view *view, cf_medium_content *content)
{
    database_medium *self = of(medium);

    if (!self->is_read)
        return;
    cf_database_joins_give(&self->schema, &content->file, medium->binding->rows, view);
    for (size_t i = 0; i < self->before.count; i++)
        self->before.rows[i].key = content->file.rows[i].key;
}

static bool changed(cf_medium *medium)
{
    database_medium *self = of(medium);
    cf_database_traces now = cf_database_traces_of(medium->files, medium->binding->path, 0);

    return cf_database_traces_differ(&self->traces, &now);
}

/* ---- Writing ---- */

/* What the file holds after our own write, and its pages. 0: somebody has written since, and the
 * next look learns it. */
static uint64_t content_of(cf_files *files, const char *path, uint32_t writes, uint32_t *pages)
{
    cf_database_sight seen;
    sqlite3 *database = NULL;
    uint64_t content = 0;
    cf_error ignored;

    cf_status status = cf_database_open(path, false, &database, &ignored);
    if (!status && cf_database_see(files, path, database, &seen, &ignored) == CF_OK &&
        seen.writes == writes)
        content = cf_database_still(files, path, database, &seen);
    if (!status && cf_database_pages(database, pages, &ignored))
        *pages = 0;
    cf_database_close(&database);
    return content;
}

/* What the file is after our own write counts as known: the next look takes none of that for the
 * work of another program, or for a copy put there. */
static void learn_written(database_medium *self, uint32_t writes)
{
    const char *path = self->medium.binding->path;

    self->place.is.pages = 0;
    self->place.is.content = content_of(self->medium.files, path, writes, &self->place.is.pages);
    const cf_database_traces now = cf_database_traces_of(self->medium.files, path, 0);
    self->place.is.logs = now.logs && now.log.size > 0;
    self->place.is.mtime_ns = now.file.mtime_ns;
}

static cf_status write(cf_medium *medium, const cf_row *rows, size_t count, cf_medium_outcome *out,
                       cf_error *error)
{
    database_medium *self = of(medium);
    cf_database_outcome outcome = {0};

    if (!self->is_read)
        return cf_fail(error, CF_MISSING,
                       "%s is not there: its program has to make the database first",
                       medium->binding->path);
    cf_status status =
        cf_database_rows_write(medium->binding->path, &self->schema, medium->binding->rows,
                               &self->before, rows, count, &outcome, error);
    status = be_patient(self, status, error);
    out->wrote = !status && outcome.written > 0;
    out->gave = !status && outcome.gave;
    if (!status && outcome.writes)
        self->place.is.writes = outcome.writes;
    if (out->wrote)
        learn_written(self, outcome.writes);
    for (size_t i = 0; !status && i < outcome.count; i++)
        cf_medium_refuse(out, outcome.refusals[i].table, outcome.refusals[i].key, CF_IO,
                         outcome.refusals[i].reason);
    cf_database_outcome_release(&outcome);
    return status;
}

/* ---- Made anew ---- */

/* An empty database by what this one declares itself; where that can't be read any more, by what
 * the others were told of it. */
static cf_status make_bytes(const cf_medium *medium, cf_buffer *out, cf_error *error)
{
    const cf_status status = cf_database_remake(medium->binding->path, out, error);

    if (status && medium->layout.size)
        return cf_database_made_bytes(medium->layout, out, error);
    return status ? cf_fail(error, CF_MALFORMED,
                            "what tables it had can't be read any more: let its program make it "
                            "anew, and say this again")
                  : CF_OK;
}

/* Nothing of the damaged database is lost: its bytes are kept elsewhere before the empty one is put
 * there, and a log beside it refuses all of that. */
static cf_status make_anew(cf_medium *medium, const cf_folder *folder, cf_bytes name,
                           const cf_medium_keeping *keeping, cf_error *error)
{
    cf_files *files = medium->files;
    cf_buffer before = {0}, anew = {0};
    cf_stat stat;

    cf_status status = cf_database_made_alone(files, folder, name, error);
    if (!status)
        status = files->stat(files, folder, name, &stat, error);
    if (!status)
        status =
            cf_files_read(files, folder, name, (size_t)CF_DATABASE_CONTENT_MAX, &before, error);
    if (!status)
        status = make_bytes(medium, &anew, error);
    if (!status)
        status = keeping->keep(keeping->context, name, cf_buffer_view(&before), error);
    if (!status)
        status = cf_files_write(files, folder, name, stat.mode, cf_buffer_view(&anew), error);
    cf_buffer_release(&before);
    cf_buffer_release(&anew);
    return status;
}

/* A damaged database is kept elsewhere, and made anew without a row; one that isn't damaged stays.
 */
static cf_status mend(cf_medium *medium, const cf_medium_keeping *keeping, cf_error *error)
{
    char *real = realpath(medium->binding->path, NULL);
    cf_folder *folder = NULL;
    cf_status status = CF_OK;
    cf_bytes name;

    if (of(medium)->is_damaged) {
        status = cf_files_open_above(medium->files, real ? real : medium->binding->path, &folder,
                                     &name, error);
        if (!status)
            status = make_anew(medium, folder, name, keeping, error);
        if (status)
            cf_error_while(error, "%s", medium->binding->path);
    }
    medium->files->close_folder(medium->files, &folder);
    free(real);
    return status;
}

static void settled(cf_medium *medium, cf_kv_list *records)
{
    cf_database_place_keep(&of(medium)->place, medium->binding, records);
}

cf_medium *cf_medium_database_new(cf_files *files, cf_peer *peer, cf_binding *binding)
{
    static const cf_medium_operations operations = {
        .destroy = destroy,
        .check = check,
        .recover = recover,
        .read = read,
        .meet = meet,
        .changed = changed,
        .write = write,
        .settled = settled,
        .rest = rest,
        .mend = mend,
    };
    database_medium *self = cf_allocate(1, sizeof *self);

    self->medium =
        (cf_medium){.operations = &operations, .files = files, .peer = peer, .binding = binding};
    if (binding->map)
        cf_record_map_read(cf_bytes_of_text(binding->map), &self->map, &self->unmapped);
    return &self->medium;
}
