/* SPDX-License-Identifier: Apache-2.0 */
/* Which collection a source is to be of, and whether it can be one beside the others here. */
#include "peer/commands/addition_inside.h"

#include "broker/platform/names.h"
#include "peer/adapters/record_format.h"
#include "peer/log/catalog.h"
#include "peer/log/catalog_renamed.h"
#include "peer/log/catalog_schema.h"
#include "peer/records/record_view.h"

#include <string.h>

static void find_beside(cf_addition *self)
{
    size_t count = cf_engine_binding_count(self->engine);

    self->beside = cf_arena_allocate(&self->arena, count, sizeof(void *));
    self->beside_count = 0;
    for (size_t i = 0; i < count; i++) {
        const cf_binding *binding = cf_engine_binding_at(self->engine, i);

        if (cf_id_equal(&binding->collection, &self->collection))
            self->beside[self->beside_count++] = binding;
    }
}

/* Something of it is not in the log, which is all that rows are compared with. */
static bool has_more(const cf_addition *self, const cf_binding *binding)
{
    cf_comparison found;
    cf_error ignored;

    return binding->mode == CF_MODE_BOTH &&
           cf_engine_compare(self->engine, binding, &found, &ignored) == CF_OK &&
           found.only_here + found.different > 0;
}

/* Rows of one number are the same or are not, which only who sees both can say. */
static cf_status check_numbers(cf_addition *self, cf_error *error)
{
    cf_schema schema;

    cf_status status =
        cf_catalog_schema(self->peer, &self->collection, &self->arena, &schema, error);
    if (status || !cf_schema_counts_up(&schema))
        return status;
    for (size_t i = 0; i < self->beside_count; i++)
        if (has_more(self, self->beside[i]))
            return cf_fail(error, CF_CHANGED,
                           "%s has rows that are not synced yet, so that those of one number can't "
                           "be compared: `counterfoil sync` first",
                           self->beside[i]->path);
    return CF_OK;
}

/* The other sources of its collection on this device, in the arena. CF_CHANGED: it can't be another
 * one beside them, or the user has to say that he wants that. */
static cf_status check_beside(cf_addition *self, cf_error *error)
{
    const cf_options *given = &self->run->options;

    find_beside(self);
    if (!self->beside_count)
        return CF_OK;
    if (!cf_options_has(given, "existing") && !cf_options_has(given, "collection"))
        return cf_fail(error, CF_CHANGED,
                       "'%s' is on this device already, at %s: --existing makes this another "
                       "source of it, another name with --collection a collection of its own",
                       self->name, self->beside[0]->path);
    return cf_format_is_records(self->format) ? check_numbers(self, error) : CF_OK;
}

/* ---- Whether its records have keys as the collection's do ---- */

/* One document is a record without a key. */
static bool has_keys(const cf_row_view *view)
{
    cf_buffer key = {0};

    for (size_t i = 0; i < cf_row_view_count(view) && !key.size; i++)
        cf_record_key_text(cf_row_view_at(view, i)->key, &key);
    bool found = key.size > 0;
    cf_buffer_release(&key);
    return found;
}

/* Whether the source has a place for one record at least: what others it can't hold is listed. */
static bool keeps_any(const cf_addition *self, const cf_row_view *view)
{
    const cf_record_options options = {
        .adapter = cf_adapter_of(self->format), .keys = self->keys, .key_count = self->key_count};
    bool any = cf_row_view_count(view) == 0;

    for (size_t i = 0; i < cf_row_view_count(view) && !any; i++)
        any = cf_record_format_keeps(&options, cf_row_view_at(view, i)->table,
                                     cf_row_view_at(view, i)->key);
    return any;
}

static bool has_keys_of_columns(const cf_adapter *adapter)
{
    return adapter->keying == CF_KEYING_COLUMNS;
}

static cf_status check_parts(const cf_addition *self, const cf_row_view *view, cf_error *error)
{
    if (keeps_any(self, view))
        return CF_OK;
    const size_t parts = cf_record_key_parts(cf_row_view_at(view, 0)->key);
    char names[CF_FORMATS_TEXT];

    if (has_keys_of_columns(cf_adapter_of(self->format)))
        return cf_fail(error, CF_USAGE,
                       "the key of the records in '%s' is made of %zu column%s: as many --key say "
                       "which these are",
                       self->name, parts, parts == 1 ? "" : "s");
    return cf_fail(error, CF_USAGE,
                   "the key of the records in '%s' is made of %zu columns, which --format %s has "
                   "no place for: --format %s",
                   self->name, parts, cf_format_text(self->format),
                   cf_format_names(has_keys_of_columns, names));
}

/* The first record that has something in a field which is called as a key of the source; NULL: none
 * has. */
static const cf_row *find_named(const cf_addition *self, const cf_row_view *view, cf_bytes *field)
{
    const cf_adapter *adapter = cf_adapter_of(self->format);

    for (size_t i = 0; i < cf_row_view_count(view); i++) {
        const cf_row *row = cf_row_view_at(view, i);

        if (cf_record_is_document(adapter, self->key_count, row->table))
            continue;
        for (size_t k = 0; k < row->field_count; k++)
            if (row->fields[k].count &&
                cf_record_keys_name(adapter, self->keys, self->key_count, row->fields[k].name)) {
                *field = row->fields[k].name;
                return row;
            }
    }
    return NULL;
}

/* A field that is called as the key has no place beside that. */
static cf_status check_names(const cf_addition *self, const cf_row_view *view, cf_error *error)
{
    const bool is_column = cf_adapter_of(self->format)->keying == CF_KEYING_COLUMNS;
    char name[CF_NAME_SHOWN], key[CF_NAME_SHOWN];
    cf_buffer field_text = {0}, key_text = {0};
    cf_bytes field;

    const cf_row *row = find_named(self, view, &field);
    if (!row)
        return CF_OK;
    cf_record_field_text(field, &field_text);
    cf_name_show(cf_buffer_view(&field_text), name);
    cf_record_key_text(row->key, &key_text);
    cf_name_show(cf_buffer_view(&key_text), key);
    cf_status status =
        cf_fail(error, CF_USAGE,
                "'%s' is a field of the records in '%s', not their key, which in one "
                "is %s: --key says which %s that is here, under a name of its own",
                name, self->name, key, is_column ? "column" : "member");
    cf_buffer_release(&field_text);
    cf_buffer_release(&key_text);
    return status;
}

static cf_status check(const cf_addition *self, const cf_row_view *view, cf_error *error)
{
    bool keyed = has_keys(view);

    if (keyed && !self->key_count)
        return cf_fail(error, CF_USAGE,
                       "'%s' holds records that have keys, and without --key %s would be one "
                       "document: --key NAME says which member is the key",
                       self->name, self->path);
    if (!keyed && self->key_count && cf_row_view_count(view))
        return cf_fail(error, CF_USAGE,
                       "'%s' is one document, which has no records with keys: --format %s "
                       "without --key",
                       self->name, cf_format_text(self->format));
    cf_status status = check_parts(self, view, error);
    return status ? status : check_names(self, view, error);
}

/* CF_USAGE: its records have keys and the source would be one document, or the other way round, or
 * keys of more or fewer columns, or a field that is called as the key here. */
static cf_status check_keys(cf_addition *self, cf_error *error)
{
    bool is_keyed = cf_adapter_has_named_keys(cf_adapter_of(self->format));
    cf_collection *collection;
    cf_schema schema;

    if (!is_keyed || cf_addition_is_translated(self))
        return CF_OK;
    cf_status status =
        cf_catalog_schema(self->peer, &self->collection, &self->arena, &schema, error);
    if (!status)
        status = cf_peer_collection(self->peer, &self->collection, &collection, error);
    if (status)
        return status;
    cf_row_view *view = cf_row_view_new(collection->state, &schema);
    status = check(self, view, error);
    cf_row_view_destroy(&view);
    return status;
}

/* ---- Which collection ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

/* The user may have said nothing but the source. */
cf_status cf_addition_say_missing(cf_addition *self, cf_error *error)
{
    enum { ENOUGH = 80 };
    const bool given = cf_options_has(&self->run->options, "collection");
    cf_catalog_collection *list;
    cf_buffer names = {0};
    cf_error ignored;
    size_t count = 0, i = 0;

    if (self->unasked.status)
        return cf_fail(error, CF_UNREACHABLE,
                       "nothing is known here of a collection '%s', and the broker can't be asked: "
                       "%s",
                       self->name, self->unasked.text);
    if (cf_catalog_say_renamed(self->peer, self->name, error))
        return CF_MISSING;
    if (cf_catalog_list(self->peer, &self->arena, &list, &count, &ignored))
        count = 0;
    for (; i < count && names.size + strlen(list[i].name) < ENOUGH; i++)
        cf_buffer_append_text(&names, "%s'%s'", i ? ", " : "", list[i].name);
    cf_status status =
        cf_fail(error, CF_MISSING, "there is no collection '%.80s'%s; %s%.*s%s", self->name,
                given ? "" : " (the source's name): --collection NAME says which",
                names.size ? "there are " : "there is none", (int)names.size,
                names.size ? (const char *)names.data : "", i < count ? " ..." : "");
    if (cf_peer_only_reads(self->peer))
        cf_error_while(error, "this device only reads, and makes no collection");
    cf_buffer_release(&names);
    return status;
}

/* CSV and JSON have no kind of their own: without a map they are what the collection is. */
static bool can_hold(const cf_addition *self, cf_format collection)
{
    bool open = !self->map && cf_adapter_is_mapped(cf_adapter_of(self->format));

    return strcmp(cf_format_what(collection), cf_format_what(self->holds)) == 0 ||
           (open && cf_adapter_of(collection)->columns);
}

cf_status cf_addition_choose_collection(cf_addition *self, cf_error *error)
{
    const cf_options *options = &self->run->options;
    bool new = cf_options_has(options, "new"), existing = cf_options_has(options, "existing");
    cf_catalog_collection found;

    cf_status status = cf_catalog_find(self->peer, self->name, &self->arena, &found, error);
    if (status == CF_MISSING && !new &&cf_peer_only_reads(self->peer))
        existing = true; /* it makes none: the name may be mistyped */
    if (status == CF_MISSING && !existing) {
        self->is_new = true;
        return cf_peer_may_write(self->peer, error);
    }
    if (status)
        return status == CF_MISSING ? cf_addition_say_missing(self, error) : status;
    if (new)
        return cf_fail(error, CF_CHANGED,
                       "there is a collection '%s' already: --existing, or "
                       "another name with --collection",
                       self->name);
    if (!found.is_known)
        return cf_fail(error, CF_DENIED, "'%s' needs a newer program", self->name);
    if (!can_hold(self, found.format))
        return cf_fail(error, CF_USAGE,
                       "'%s' holds %s, %s is to hold %s: --format %s, or another --collection",
                       self->name, cf_format_what(found.format), base_name(self->path),
                       cf_format_what(self->holds), cf_format_text(found.format));
    self->holds = found.format;
    if (cf_addition_is_translated(self) && self->key_count &&
        cf_adapter_of(self->format)->mapping == CF_MAPPING_COLUMNS)
        return cf_fail(error, CF_USAGE,
                       "'%s' holds %s, whose key is the UID: --map FILE, not --key, says which "
                       "column that is",
                       self->name, cf_format_what(found.format));
    self->collection = found.id;
    status = check_keys(self, error);
    return status ? status : check_beside(self, error);
}
