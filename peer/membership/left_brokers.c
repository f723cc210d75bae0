/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/membership/left_brokers.h"

#include "codec/pack.h"

#include <stdio.h>
#include <string.h>

#define LEFT "left-brokers"

static cf_status decode(cf_bytes value, cf_left_brokers *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    cf_arena arena = {0};
    size_t count = 0;

    cf_status status = cf_read_array(&reader, &count, error);
    if (!status && count % 2)
        status = cf_fail(error, CF_MALFORMED, "it ends too early");
    for (size_t i = 0; !status && i < count / 2 && i < CF_LEFT_BROKERS_MAX; i++) {
        cf_bytes line, trouble;

        status = cf_read_bin(&reader, &line, error);
        if (!status)
            status = cf_read_bin(&reader, &trouble, error);
        if (!status)
            status = cf_address_read(cf_arena_text(&arena, line), &out->at[i].broker, error);
        if (status)
            break;
        snprintf(out->at[i].trouble, sizeof out->at[i].trouble, "%s",
                 cf_arena_text(&arena, trouble));
        out->count++;
    }
    cf_arena_release(&arena);
    return status ? cf_fail(error, CF_BROKEN, "the record of brokers that were left is damaged")
                  : CF_OK;
}

cf_status cf_left_brokers_read(cf_home *home, cf_left_brokers *out, cf_error *error)
{
    cf_buffer value = {0};

    *out = (cf_left_brokers){0};
    cf_status status = cf_home_get(home, LEFT, &value, error);
    if (status == CF_MISSING)
        status = CF_OK;
    else if (!status)
        status = decode(cf_buffer_view(&value), out, error);
    cf_buffer_release(&value);
    return status;
}

static cf_status keep(cf_home *home, const cf_left_brokers *left, cf_error *error)
{
    cf_buffer value = {0};

    cf_pack_array(&value, 2 * left->count);
    for (size_t i = 0; i < left->count; i++) {
        char line[CF_ADDRESS_TEXT];

        cf_address_write(&left->at[i].broker, line);
        cf_pack_bin(&value, cf_bytes_of_text(line));
        cf_pack_bin(&value, cf_bytes_of_text(left->at[i].trouble));
    }
    cf_status status = cf_home_set(home, LEFT, cf_buffer_view(&value), error);
    cf_buffer_release(&value);
    return status;
}

/* Its place; the count where it has none. */
static size_t find(const cf_left_brokers *left, const cf_address *broker)
{
    size_t i = 0;

    while (i < left->count && memcmp(left->at[i].broker.key, broker->key, sizeof broker->key) != 0)
        i++;
    return i;
}

const char *cf_left_brokers_trouble(const cf_left_brokers *left, const cf_address *broker)
{
    size_t at = find(left, broker);

    return at < left->count ? left->at[at].trouble : NULL;
}

static void take_out(cf_left_brokers *left, size_t at)
{
    left->count--;
    memmove(&left->at[at], &left->at[at + 1], (left->count - at) * sizeof left->at[0]);
}

cf_status cf_left_brokers_note(cf_home *home, const cf_address *broker, cf_error *error)
{
    cf_left_brokers left;

    cf_status status = cf_left_brokers_read(home, &left, error);
    if (status)
        return status;
    size_t at = find(&left, broker);
    if (at < left.count)
        take_out(&left, at);
    if (left.count == CF_LEFT_BROKERS_MAX)
        take_out(&left, 0);
    left.at[left.count].broker = *broker;
    left.at[left.count++].trouble[0] = '\0';
    return keep(home, &left, error);
}

cf_status cf_left_brokers_tried(cf_home *home, const cf_address *broker, const char *why,
                                cf_error *error)
{
    cf_left_brokers left;

    cf_status status = cf_left_brokers_read(home, &left, error);
    size_t at = find(&left, broker);
    if (status || at == left.count || strcmp(left.at[at].trouble, why) == 0)
        return status;
    snprintf(left.at[at].trouble, sizeof left.at[at].trouble, "%s", why);
    return keep(home, &left, error);
}

cf_status cf_left_brokers_settle(cf_home *home, const cf_address *broker, cf_error *error)
{
    cf_left_brokers left;

    cf_status status = cf_left_brokers_read(home, &left, error);
    size_t at = find(&left, broker);
    if (status || at == left.count)
        return status;
    take_out(&left, at);
    return keep(home, &left, error);
}

cf_status cf_left_brokers_give_up(cf_home *home, cf_error *error)
{
    static const cf_left_brokers none;

    return keep(home, &none, error);
}
