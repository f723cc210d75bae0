/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/catalog_renamed.h"

#include "broker/platform/names.h"
#include "codec/pack.h"
#include "peer/log/catalog.h"
#include "peer/log/catalog_writing.h"
#include "peer/log/record_past.h"

#include <string.h>

static bool is_name(const cf_record_write *write, const char *name)
{
    cf_reader reader = cf_reader_of(write->value);
    cf_error ignored;
    cf_bytes text;

    return cf_field_is(write->field, CF_FIELD_NUMBER_NAME) &&
           cf_read_text(&reader, &text, &ignored) == CF_OK &&
           cf_bytes_equal(text, cf_bytes_of_text(name));
}

/* The write that gave it its present name, after it had this one; NULL: it never was called so. */
static const cf_record_write *find_renaming(const cf_record_past *past, const char *name,
                                            const char *now)
{
    const cf_record_write *found = NULL;
    bool was_called = false;

    for (size_t i = 0; i < past->count; i++) {
        was_called |= is_name(&past->at[i], name);
        if (was_called && is_name(&past->at[i], now))
            found = &past->at[i];
    }
    return found;
}

static bool say(cf_peer *peer, const cf_catalog_collection *collection, const char *name,
                cf_error *error)
{
    const cf_id item = cf_catalog_item(CF_CATALOG_COLLECTION, collection->id.bytes);
    cf_record_past past = {0};
    cf_arena arena = {0};
    cf_error ignored;

    const cf_status status = cf_record_past_read(peer, &cf_catalog_id, &item, 1, &past, &ignored);
    const cf_record_write *by = status ? NULL : find_renaming(&past, name, collection->name);
    if (by) {
        char then[CF_NAME_SHOWN], now[CF_NAME_SHOWN], device[CF_NAME_SHOWN];

        cf_name_show(cf_bytes_of_text(name), then);
        cf_name_show(cf_bytes_of_text(collection->name), now);
        cf_name_show(cf_bytes_of_text(cf_catalog_device_name(peer, &by->device, &arena)), device);
        cf_fail(error, CF_MISSING, "there is no collection '%s' any more: %s renamed it %s", then,
                device, now);
    }
    cf_record_past_release(&past);
    cf_arena_release(&arena);
    return by != NULL;
}

bool cf_catalog_say_renamed(cf_peer *peer, const char *name, cf_error *error)
{
    cf_catalog_collection *list;
    cf_arena arena = {0};
    size_t count = 0;
    cf_error ignored;
    bool is_said = false;

    if (cf_catalog_list(peer, &arena, &list, &count, &ignored))
        count = 0;
    for (size_t i = 0; !is_said && i < count; i++)
        is_said = say(peer, &list[i], name, error);
    cf_arena_release(&arena);
    return is_said;
}
