/* SPDX-License-Identifier: Apache-2.0 */
/* Which collection a source is to be of. */
#include "peer/commands/addition.h"
#include "peer/log/catalog.h"

#include <string.h>

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
    status = cf_addition_check_keys(self, error);
    return status ? status : cf_addition_check_beside(self, error);
}
