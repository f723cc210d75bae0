/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/vdir.h"

#include "codec/bulk.h"
#include "codec/pack.h"

#include <string.h>
#include <strings.h>

enum { UID_MAX = 200, HASH_SHOWN = 16 };

static bool ends_with(cf_bytes name, const char *end)
{
    size_t size = strlen(end);

    return name.size > size &&
           strncasecmp((const char *)name.data + name.size - size, end, size) == 0;
}

/* NAME (saved N) */
static bool is_saved(cf_bytes name)
{
    static const char mark[] = " (saved ";
    size_t at = name.size;

    if (!at || name.data[--at] != ')')
        return false;
    while (at && name.data[at - 1] >= '0' && name.data[at - 1] <= '9')
        at--;
    return ends_with(cf_bytes_of(name.data, at), mark);
}

cf_vdir_name cf_vdir_name_of(cf_bytes name, cf_format format)
{
    if (name.size && name.data[0] == '.')
        return CF_VDIR_OTHER;
    if (ends_with(name, cf_adapter_of(format)->extension))
        return CF_VDIR_ITEM;
    return is_saved(name) ? CF_VDIR_SAVED : CF_VDIR_OTHER;
}

/* The UID can be a file's name everywhere: letters, digits and _.-+@, and neither . nor - first. */
static bool is_safe(cf_bytes uid)
{
    static const char others[] = "_.-+@";

    if (uid.size == 0 || uid.size > UID_MAX || uid.data[0] == '.' || uid.data[0] == '-')
        return false;
    for (size_t i = 0; i < uid.size; i++) {
        uint8_t letter = uid.data[i];
        bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                     (letter >= '0' && letter <= '9');

        if (!plain && (!letter || !strchr(others, letter)))
            return false;
    }
    return true;
}

static cf_bytes without_prefix(cf_bytes uid)
{
    static const char prefix[] = "urn:uuid:";
    size_t size = sizeof prefix - 1;

    if (uid.size > size && strncasecmp((const char *)uid.data, prefix, size) == 0)
        return cf_bytes_of(uid.data + size, uid.size - size);
    return uid;
}

void cf_vdir_make_name(cf_bytes key, cf_format format, bool hashed, cf_buffer *out)
{
    cf_reader reader = cf_reader_of(key);
    cf_bytes uid = {0};
    cf_error ignored;

    bool plain = !hashed && cf_read_text(&reader, &uid, &ignored) == CF_OK &&
                 is_safe(uid = without_prefix(uid));
    if (plain) {
        cf_buffer_append(out, uid.data, uid.size);
    } else {
        char text[2 * HASH_SHOWN + 1];
        cf_hash hash = cf_hash_of("name of a file", &key, 1);

        cf_hex(cf_bytes_of(hash.bytes, HASH_SHOWN), text);
        cf_buffer_append_text(out, "%s", text);
    }
    cf_buffer_append_text(out, "%s", cf_adapter_of(format)->extension);
}
