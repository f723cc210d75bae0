/* SPDX-License-Identifier: Apache-2.0 */
/* Which address is kept: one with the key of the broker that is set, another place than that one's,
 * whose host has a dot or a colon; each once, the latest first, and the oldest beyond
 * CF_TOLD_ADDRESSES_MAX goes. */
#include "peer/engine/told_addresses.h"

#include <string.h>

#define BROKER_TOLD "broker-told" /* of brokers that were set before, too */

static bool is_same(const cf_address *a, const cf_address *b)
{
    return strcmp(a->host, b->host) == 0 && a->port == b->port &&
           memcmp(a->key, b->key, sizeof a->key) == 0;
}

static bool may_be_kept(const cf_address *it, const cf_address *own)
{
    return memcmp(it->key, own->key, sizeof it->key) == 0 && !is_same(it, own) &&
           strpbrk(it->host, ".:");
}

static size_t find(const cf_told_addresses *told, const cf_address *sought)
{
    size_t i = 0;

    while (i < told->count && !is_same(&told->all[i], sought))
        i++;
    return i;
}

static bool read_one(cf_bytes line, cf_address *out)
{
    char text[CF_ADDRESS_TEXT];
    cf_error ignored;

    if (line.size >= sizeof text)
        return false;
    memcpy(text, line.data, line.size);
    text[line.size] = '\0';
    return cf_address_read(text, out, &ignored) == CF_OK;
}

void cf_told_addresses_read(const char *text, const cf_address *own, cf_told_addresses *out)
{
    cf_address read;

    out->count = 0;
    for (const char *at = text; *at && out->count < CF_TOLD_ADDRESSES_MAX;) {
        size_t size = strcspn(at, "\n");

        if (read_one(cf_bytes_of(at, size), &read) && may_be_kept(&read, own) &&
            find(out, &read) == out->count)
            out->all[out->count++] = read;
        at += size + (at[size] == '\n');
    }
}

void cf_told_addresses_write(const cf_told_addresses *told, cf_buffer *out)
{
    char line[CF_ADDRESS_TEXT];

    for (size_t i = 0; i < told->count; i++) {
        cf_address_write(&told->all[i], line);
        cf_buffer_append_text(out, "%s\n", line);
    }
}

bool cf_told_addresses_add(cf_told_addresses *told, const cf_address *own, cf_bytes line)
{
    cf_address read;

    if (!read_one(line, &read) || !may_be_kept(&read, own))
        return false;
    size_t at = find(told, &read);
    if (at < told->count)
        return false;
    if (told->count < CF_TOLD_ADDRESSES_MAX)
        told->count++;
    memmove(told->all + 1, told->all, (told->count - 1) * sizeof *told->all);
    told->all[0] = read;
    return true;
}

bool cf_told_addresses_take(cf_told_addresses *told, const cf_address *own, const cf_bytes *lines,
                            size_t count)
{
    bool changed = false;

    for (size_t i = count < CF_TOLD_ADDRESSES_MAX ? count : CF_TOLD_ADDRESSES_MAX; i-- > 0;)
        changed |= cf_told_addresses_add(told, own, lines[i]);
    return changed;
}

cf_status cf_told_addresses_load(cf_home *home, const cf_address *own, cf_told_addresses *out,
                                 cf_error *error)
{
    cf_buffer text = {0};

    *out = (cf_told_addresses){0};
    cf_status status = cf_home_get(home, BROKER_TOLD, &text, error);
    cf_buffer_append(&text, "", 1);
    if (!status)
        cf_told_addresses_read((const char *)text.data, own, out);
    cf_buffer_release(&text);
    return status == CF_MISSING ? CF_OK : status;
}

cf_status cf_told_addresses_save(cf_home *home, const cf_told_addresses *told, cf_error *error)
{
    cf_buffer text = {0};

    cf_told_addresses_write(told, &text);
    cf_status status = cf_home_set(home, BROKER_TOLD, cf_buffer_view(&text), error);
    cf_buffer_release(&text);
    return status;
}
