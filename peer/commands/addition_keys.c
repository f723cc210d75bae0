/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/record_format.h"
#include "peer/commands/addition.h"
#include "peer/log/catalog_schema.h"
#include "peer/records/record_view.h"

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

static cf_status check_parts(const cf_addition *self, const cf_row_view *view, cf_error *error)
{
    if (keeps_any(self, view))
        return CF_OK;
    const size_t parts = cf_record_key_parts(cf_row_view_at(view, 0)->key);
    if (cf_adapter_of(self->format)->keying == CF_KEYING_COLUMNS)
        return cf_fail(error, CF_USAGE,
                       "the key of the records in '%s' is made of %zu column%s: as many --key say "
                       "which these are",
                       self->name, parts, parts == 1 ? "" : "s");
    return cf_fail(error, CF_USAGE,
                   "the key of the records in '%s' is made of %zu columns, which JSON has no place "
                   "for: --format csv",
                   self->name, parts);
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
                       "'%s' is one document, which has no records with keys: --format json "
                       "without --key",
                       self->name);
    return check_parts(self, view, error);
}

cf_status cf_addition_check_keys(cf_addition *self, cf_error *error)
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
