/* SPDX-License-Identifier: Apache-2.0 */
/* What lies beside the file after a crash goes if no intent is kept, or if it is one of the two
 * that the intent names; else a user saved it. What a look has to fill in is written only if it can
 * be read again, and all that is shown only if it changes a byte. */
#include "peer/sources/records/medium_file.h"

#include "codec/clock.h"
#include "peer/merge/node_stat.h"
#include "codec/content.h"
#include "peer/adapters/record_format.h"
#include "peer/adapters/text/csv_document.h"
#include "peer/sources/records/record_disk.h"
#include "peer/sources/records/record_renamed.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    cf_medium medium;
    cf_record_options options;
    cf_record_disk disk;          /* as read, until it rests */
    cf_record_document *document; /* of its bytes */
    bool there;                   /* the file was, when last looked at; then `seen` */
    cf_stat seen;
    bool racy;         /* it may have been saved since, and not show it */
    bool intends;      /* an intent is kept */
    bool renames;      /* columns got other names, which is to be kept */
    cf_arena renamed;  /* of the options that say which */
    cf_error unmapped; /* why the binding's map can't be used */
} file_medium;

static file_medium *of(cf_medium *medium)
{
    return (file_medium *)medium;
}

static void rest(cf_medium *medium)
{
    cf_record_document_destroy(&of(medium)->document);
    cf_record_options_forget(&of(medium)->options);
    cf_record_disk_release(&of(medium)->disk);
    of(medium)->options.renamed = (cf_renamed_columns){0};
    cf_arena_release(&of(medium)->renamed);
}

static void destroy(cf_medium *medium)
{
    rest(medium);
    cf_record_map_destroy(&of(medium)->options.map);
    free(medium);
}

static cf_status check(cf_medium *medium, cf_error *error)
{
    if (of(medium)->unmapped.status)
        return cf_fail(error, CF_BROKEN, "%s", of(medium)->unmapped.text);
    return cf_record_options_check(&of(medium)->options, error);
}

/* ---- What was about to be done ---- */

/* What it will be, and what it was when it was read: neither is news if it lies beside the file.
 * One byte behind that, or alone, keeps that the file was made anew. */
typedef struct {
    cf_hash after, before;
} intent;

static void name_temporary(cf_bytes name, cf_buffer *out)
{
    cf_buffer_append(out, ".", 1);
    cf_buffer_append(out, name.data, name.size);
    cf_buffer_append_text(out, ".counterfoil");
}

static cf_bytes intent_key(const cf_medium *medium, cf_arena *arena)
{
    return cf_key_numbered(arena, CF_TABLE_INTENT, medium->binding->number, 0);
}

/* `meant` NULL: no exchange is under way any more; that the file was made anew is kept all the
 * same. */
static cf_status keep_intent(const cf_medium *medium, const intent *meant, cf_error *error)
{
    cf_store *store = cf_home_store(medium->peer->home);
    cf_arena arena = {0};
    cf_buffer value = {0};

    if (meant)
        cf_buffer_append(&value, meant, sizeof *meant);
    if (medium->anew)
        cf_buffer_append(&value, "\1", 1);
    const cf_kv record = {intent_key(medium, &arena), cf_buffer_view(&value)};
    cf_status status = store->write(store, cf_peer_user(medium->peer), &record, 1, true, error);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status;
}

/* The hashes of what may lie beside the file, as far as they are kept. None: what lies there had
 * not been exchanged yet. */
static cf_status read_intent(cf_medium *medium, intent *out, size_t *count, cf_error *error)
{
    cf_store *store = cf_home_store(medium->peer->home);
    cf_arena arena = {0};
    cf_buffer kept = {0};

    *count = 0;
    cf_status status =
        store->get(store, cf_peer_user(medium->peer), intent_key(medium, &arena), &kept, error);
    if (!status && kept.size <= sizeof *out + 1) {
        *count = kept.size / CF_HASH_SIZE;
        memcpy(out, kept.data, *count * CF_HASH_SIZE);
        medium->anew |= kept.size % CF_HASH_SIZE != 0;
    }
    cf_buffer_release(&kept);
    cf_arena_release(&arena);
    return status;
}

/* After a crash: what lies beside the file goes where no intent is kept, as it was never in place;
 * or where it is one of the two that were exchanged. Else a user saved it, and it is kept. That the
 * file was made anew shows no more once that is done, so it is kept before. */
static cf_status clear_beside(cf_medium *medium, const cf_record_disk *disk, cf_bytes name,
                              cf_error *error)
{
    cf_record_replacement left = {.folder = disk->folder, .name = name};
    cf_record_left found = CF_RECORD_LEFT_NOTHING;
    intent meant = {0};
    size_t count;
    bool anew = false;

    cf_status status = read_intent(medium, &meant, &count, error);
    if (status == CF_MISSING || (medium->anew && !count)) {
        status = medium->files->unlink(medium->files, disk->folder, name, error);
        return status == CF_MISSING ? CF_OK : status;
    }
    if (!status)
        status = cf_record_disk_is_anew(disk, &left, &meant.after, count, &anew, error);
    medium->anew |= anew;
    if (anew)
        status = keep_intent(medium, &meant, error);
    if (!status)
        status = cf_record_disk_clear(disk, &left, &meant.after, count, &found, error);
    if (found == CF_RECORD_LEFT_SAVED)
        cf_report(medium->peer->env, CF_REPORT_WARNING,
                  "%s was saved while it was written here: that is kept beside it, as "
                  "'NAME (saved N)'",
                  medium->binding->path);
    if (found == CF_RECORD_LEFT_ANEW)
        cf_report(medium->peer->env, CF_REPORT_WARNING,
                  "%s was made anew while the one before was moved aside here: that is kept beside "
                  "it, as 'NAME (saved N)', and nothing that only that has is deleted elsewhere",
                  medium->binding->path);
    return status ? status : keep_intent(medium, NULL, error);
}

static cf_status recover(cf_medium *medium, cf_error *error)
{
    cf_record_disk disk = {.files = medium->files};
    cf_buffer name = {0};

    cf_status status =
        cf_files_open_above(medium->files, medium->binding->path, &disk.opened, &disk.name, error);
    if (status == CF_CHANGED)
        status = error->status = CF_MISSING;
    if (!status) {
        disk.folder = disk.opened;
        name_temporary(disk.name, &name);
        status = clear_beside(medium, &disk, cf_buffer_view(&name), error);
    }
    cf_record_disk_release(&disk);
    cf_buffer_release(&name);
    return status;
}

/* ---- Reading ---- */

/* Not even a header is left in the file, but a mark of the byte order at most. */
static bool is_blank(cf_bytes bytes)
{
    const size_t start = bytes.size >= 3 && memcmp(bytes.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    for (size_t i = start; i < bytes.size; i++)
        if (!strchr(" \t\r\n", bytes.data[i]))
            return false;
    return true;
}

/* Whether the keys of records are counted up, as the collection's schema has it. */
static void learn_keys(file_medium *self)
{
    const cf_schema *schema = self->medium.schema;
    const cf_schema_table *table =
        schema ? cf_schema_find(schema, cf_bytes_of_text(CF_TABLE_RECORDS)) : NULL;

    self->options.serial = table && table->serial;
}

static void give_layout(file_medium *self, cf_medium_content *out)
{
    cf_buffer layout = {0};

    cf_record_document_layout(self->document, &layout);
    out->layout = cf_arena_copy(&out->arena, cf_buffer_view(&layout));
    cf_buffer_release(&layout);
}

static cf_status give(file_medium *self, cf_medium_content *out, cf_error *error)
{
    out->there = self->disk.there;
    out->blank = out->there && is_blank(cf_buffer_view(&self->disk.bytes));
    out->map = self->options.map;
    out->keyed = cf_adapter_has_named_keys(self->options.adapter) && !self->options.map;
    out->texts = self->options.adapter->guesses_types && !self->options.map;
    cf_status status = cf_record_document_holds(self->document, &out->arena, &out->format, error);
    if (!status)
        status = cf_record_document_rows(self->document, &out->file, error);
    if (status)
        cf_error_while(error, "%s", self->medium.binding->path);
    else
        give_layout(self, out);
    return status;
}

/* A file that was saved within the disk's step of time at which it was looked at may have changed
 * unseen. */
static bool changed(cf_medium *medium)
{
    file_medium *self = of(medium);
    cf_files *files = medium->files;
    cf_folder *folder = NULL;
    cf_error ignored;
    cf_bytes name;
    cf_stat now;

    bool there =
        cf_files_open_above(files, medium->binding->path, &folder, &name, &ignored) == CF_OK &&
        files->stat(files, folder, name, &now, &ignored) == CF_OK;
    files->close_folder(files, &folder);
    return there != self->there || (there && (self->racy || !cf_stat_unchanged(&now, &self->seen)));
}

/* ---- Writing ---- */

/* The new file is made beside, the intent is kept, both files are exchanged. After a failure the
 * intent goes if nothing is left beside. */
static cf_status exchange(file_medium *self, cf_record_replacement *by, cf_bytes bytes,
                          cf_error *error)
{
    cf_record_disk *disk = &self->disk;
    intent meant = {cf_content_hash(bytes), cf_content_hash(cf_buffer_view(&disk->bytes))};
    cf_error ignored;

    cf_status status = cf_record_disk_make(disk, by, bytes, error);
    if (status)
        return status;
    status = keep_intent(&self->medium, &meant, error);
    if (!status)
        status = cf_record_disk_place(disk, by, error);
    if (status && cf_record_disk_give_up(disk, by))
        keep_intent(&self->medium, NULL, &ignored);
    return status ? status : disk->files->sync_folder(disk->files, disk->folder, error);
}

static cf_status put(file_medium *self, cf_bytes bytes, cf_error *error)
{
    cf_buffer name = {0};

    name_temporary(self->disk.name, &name);
    cf_record_replacement by = {.folder = self->disk.folder, .name = cf_buffer_view(&name)};
    cf_status status = exchange(self, &by, bytes, error);
    cf_buffer_release(&name);
    if (!status) {
        self->intends = true;
        self->there = self->disk.there;
        self->seen = self->disk.stat;
        self->racy = self->there && cf_racy_is_coarse(&self->seen);
    }
    return status;
}

/* The filled file, if it can be read again: no other is written. */
static cf_status read_filled(const file_medium *self, cf_bytes bytes, cf_record_document **out,
                             cf_error *error)
{
    cf_record_file file = {0};

    cf_status status = cf_record_document_read(&self->options, bytes, out, error);
    if (!status)
        status = cf_record_document_rows(*out, &file, error);
    cf_record_file_release(&file);
    return status;
}

/* Writes the file with what it needs before anything of it is published: rows without a key get
 * one, else a second look would take what its user changed meanwhile for another row; rows that end
 * before a new column go up to it, later it is no new one; and columns come that others have made.
 */
static cf_status fill(file_medium *self, cf_error *error)
{
    cf_record_document *document = NULL;
    const cf_format_known known = {.had = self->medium.had, .base = self->medium.binding->rows};
    cf_buffer filled = {0};

    cf_status status = cf_record_document_fill(self->document, &known, &filled, error);
    if (!status && filled.size)
        status = read_filled(self, cf_buffer_view(&filled), &document, error);
    if (!status && filled.size && self->medium.peer && !self->medium.only_looks)
        status = put(self, cf_buffer_view(&filled), error);
    if (status)
        cf_error_while(error, "filling the rows of %s", self->medium.binding->path);
    else if (filled.size) {
        cf_buffer before = self->disk.bytes;
        cf_record_document *of_before = self->document;

        self->disk.bytes = filled;
        self->document = document;
        filled = before;
        document = of_before;
    }
    cf_record_document_destroy(&document);
    cf_buffer_release(&filled);
    return status;
}

static cf_status parse(file_medium *self, cf_error *error)
{
    cf_status status = cf_record_document_read(&self->options, cf_buffer_view(&self->disk.bytes),
                                               &self->document, error);

    if (status)
        cf_error_while(error, "%s", self->medium.binding->path);
    return status;
}

/* ---- Columns with other names ---- */

/* The source is a CSV file whose columns are fields by their own names. */
static bool may_rename(const file_medium *self)
{
    const cf_adapter *adapter = self->options.adapter;

    return self->medium.peer && adapter->mapping == CF_MAPPING_COLUMNS && !self->options.map;
}

/* Only of a file whose columns may be renamed are other names known. */
static cf_status know_renamed(file_medium *self, cf_error *error)
{
    self->renames = false;
    return may_rename(self) ? cf_renamed_load(self->medium.binding, self->medium.peer,
                                              &self->renamed, &self->options.renamed, error)
                            : CF_OK;
}

/* Which columns have other names still, by what the file has under its own names. What else is
 * wrong with the file its reader says. */
static cf_status check_renamed(file_medium *self, cf_error *error)
{
    const size_t known = self->options.renamed.count;
    cf_record_options options = self->options;
    cf_record_document *document = NULL;
    cf_row_format plain;
    cf_status status = CF_OK;
    cf_error ignored;

    if (!known)
        return CF_OK;
    options.renamed = (cf_renamed_columns){0};
    options.memory = NULL;
    if (cf_record_document_read(&options, cf_buffer_view(&self->disk.bytes), &document, &ignored))
        return CF_OK;
    if (cf_record_document_holds(document, &self->renamed, &plain, &ignored) == CF_OK)
        status = cf_renamed_check(&plain, self->medium.had, &self->renamed, &self->options.renamed,
                                  error);
    if (status)
        cf_error_while(error, "%s", self->medium.binding->path);
    self->renames = self->options.renamed.count < known;
    cf_record_document_destroy(&document);
    return status;
}

/* Whether columns got other names since the last look, by what the document says. What is wrong
 * with the file its reader says. */
static bool find_renamed(file_medium *self, cf_record_document *document, const cf_row_format *had)
{
    cf_collection *collection;
    cf_row_format format = {0};
    cf_record_file file = {0};
    cf_error ignored;

    if (cf_record_document_holds(document, &self->renamed, &format, &ignored) ||
        cf_renamed_is_same(&format, had) ||
        cf_peer_collection(self->medium.peer, &self->medium.binding->collection, &collection,
                           &ignored) ||
        cf_record_document_rows(document, &file, &ignored))
        return false;
    const cf_renaming renaming = {self->medium.binding, collection->state, &format, had, &file};
    const bool found = cf_renamed_find(&renaming, &self->renamed, &self->options.renamed);
    self->renames |= found;
    cf_record_file_release(&file);
    return found;
}

/* Whether columns got other names, where another is new besides, and rows end before that one: as
 * if all rows went up to it. */
static bool find_renamed_wider(file_medium *self, const cf_row_format *had)
{
    const cf_format_known known = {.had = had, .base = self->medium.binding->rows};
    cf_record_document *document = NULL;
    cf_buffer filled = {0};
    cf_error ignored;

    const bool found =
        cf_record_document_fill(self->document, &known, &filled, &ignored) == CF_OK &&
        filled.size && read_filled(self, cf_buffer_view(&filled), &document, &ignored) == CF_OK &&
        find_renamed(self, document, had);
    cf_record_document_destroy(&document);
    cf_buffer_release(&filled);
    return found;
}

/* Reads the file again, where columns are what they were under other names. A file that was made
 * here, and not looked at since, had what the base's rows say. */
static cf_status parse_renamed(file_medium *self, cf_error *error)
{
    const cf_row_format *had = self->medium.had;
    cf_row_format made;

    if (!may_rename(self))
        return CF_OK;
    if (!had || !cf_renamed_has_fields(had)) {
        made = cf_renamed_made(self->medium.binding->rows, &self->renamed);
        had = &made;
    }
    if (!find_renamed(self, self->document, had) && !find_renamed_wider(self, had))
        return CF_OK;
    cf_record_document_destroy(&self->document);
    return parse(self, error);
}

static cf_status read(cf_medium *medium, uint64_t now_ms, cf_medium_content *out, cf_error *error)
{
    file_medium *self = of(medium);

    rest(medium);
    cf_status status = check(medium, error);
    if (status)
        return status;
    learn_keys(self);
    self->options.layout = medium->layout;
    self->options.forgotten = medium->forgotten;
    self->options.columns = medium->columns;
    cf_record_options_remember(&self->options);
    const cf_record_reading how = {.now_ms = now_ms, .only_looks = medium->only_looks};
    status = cf_record_disk_read(medium->files, medium->binding->path, &how, &self->disk, error);
    if (status == CF_CHANGED && !self->disk.folder)
        status = error->status = CF_MISSING; /* no folder stands where its folder was */
    if (status != CF_CHANGED) {
        self->there = self->disk.there;
        self->seen = self->disk.stat;
        self->racy = self->there && cf_racy_by_clock(&self->seen, cf_ns_of_ms(now_ms));
    }
    if (!status)
        status = know_renamed(self, error);
    if (!status)
        status = check_renamed(self, error);
    if (!status)
        status = parse(self, error);
    if (!status)
        status = parse_renamed(self, error);
    if (!status)
        status = fill(self, error);
    return status ? status : give(self, out, error);
}

/* What the file can't be made to say is refused; the rest is written, unless the file is just so
 * already. */
static cf_status write(cf_medium *medium, const cf_row *rows, size_t count, cf_medium_outcome *out,
                       cf_error *error)
{
    file_medium *self = of(medium);
    cf_bytes before = cf_buffer_view(&self->disk.bytes);
    bool *unsaid = cf_allocate(count, sizeof *unsaid);
    cf_buffer after = {0};

    cf_status status = cf_record_document_show(self->document, rows, count, unsaid, &after, error);
    if (!status)
        cf_medium_refuse_unsaid(out, &self->options, rows, unsaid, count);
    if (!status && (!self->disk.there || !cf_bytes_equal(before, cf_buffer_view(&after)))) {
        status = put(self, cf_buffer_view(&after), error);
        out->wrote = !status;
        out->ended = !status && cf_csv_is_ended(cf_buffer_view(&after));
    }
    free(unsaid);
    cf_buffer_release(&after);
    return status;
}

/* A file that is cut short is kept elsewhere as it is, then written with what is whole of it. */
static cf_status mend(cf_medium *medium, const cf_medium_keeping *keeping, cf_error *error)
{
    file_medium *self = of(medium);
    cf_bytes before = cf_buffer_view(&self->disk.bytes);
    cf_buffer whole = {0};

    if (!self->disk.there)
        return CF_OK;
    cf_status status = cf_record_format_mend(&self->options, before, &whole, error);
    if (!status && !cf_bytes_equal(before, cf_buffer_view(&whole))) {
        status = keeping->keep(keeping->context, self->disk.name, before, error);
        if (!status)
            status = put(self, cf_buffer_view(&whole), error);
    }
    cf_buffer_release(&whole);
    return status;
}

static void settled(cf_medium *medium, cf_kv_list *records)
{
    cf_arena arena = {0};

    if (of(medium)->intends || medium->anew)
        cf_kv_list_delete(records, intent_key(medium, &arena));
    of(medium)->intends = medium->anew = false;
    if (of(medium)->renames)
        cf_renamed_save(medium->binding, &of(medium)->options.renamed, &arena, records);
    of(medium)->renames = false;
    cf_arena_release(&arena);
}

cf_medium *cf_medium_file_new(cf_files *files, cf_peer *peer, cf_binding *binding)
{
    static const cf_medium_operations operations = {
        .destroy = destroy,
        .check = check,
        .recover = recover,
        .read = read,
        .changed = changed,
        .write = write,
        .settled = settled,
        .rest = rest,
        .mend = mend,
    };
    file_medium *self = cf_allocate(1, sizeof *self);

    self->medium =
        (cf_medium){.operations = &operations, .files = files, .peer = peer, .binding = binding};
    self->options = (cf_record_options){.adapter = cf_adapter_of(binding->format),
                                        .keys = (const char *const *)binding->keys,
                                        .key_count = binding->key_count};
    if (binding->map)
        cf_record_map_read(cf_bytes_of_text(binding->map), &self->options.map, &self->unmapped);
    return &self->medium;
}
