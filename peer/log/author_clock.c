/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/author_clock.h"

#include "codec/pack.h"

#include <string.h>

/* ---- The record ---- */

void cf_author_clock_pack(const cf_author_clock *clock, cf_buffer *out)
{
    cf_pack_array(out, 3);
    cf_pack_uint(out, clock->seen.ms);
    cf_pack_uint(out, clock->seen.counter);
    cf_pack_array(out, clock->ahead_count);
    for (size_t i = 0; i < clock->ahead_count; i++) {
        cf_pack_array(out, 3);
        cf_pack_bin(out, cf_bytes_of(clock->ahead[i].device.bytes, CF_HASH_SIZE));
        cf_pack_uint(out, clock->ahead[i].time_ms);
        cf_pack_uint(out, clock->ahead[i].noticed_ms);
    }
}

static cf_status read_ahead(cf_reader *reader, cf_author_clock *out, cf_error *error)
{
    size_t count, parts;

    cf_status status = cf_read_array(reader, &count, error);
    for (size_t i = 0; !status && i < count && i < CF_AHEAD_NAMED; i++) {
        status = cf_read_array(reader, &parts, error);
        if (!status)
            status = cf_read_bin_exact(reader, out->ahead[i].device.bytes, CF_HASH_SIZE, error);
        if (!status)
            status = cf_read_uint(reader, &out->ahead[i].time_ms, error);
        if (!status)
            status = cf_read_uint(reader, &out->ahead[i].noticed_ms, error);
        out->ahead_count += !status;
    }
    return status;
}

/* Homes of before say the time alone. */
cf_status cf_author_clock_read(cf_bytes record, cf_author_clock *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(record);
    size_t count;

    *out = (cf_author_clock){0};
    cf_status status = cf_read_array(&reader, &count, error);
    if (!status)
        status = cf_read_uint(&reader, &out->seen.ms, error);
    if (!status)
        status = cf_read_uint(&reader, &out->seen.counter, error);
    return !status && count > 2 ? read_ahead(&reader, out, error) : status;
}

/* ---- What was seen ---- */

static cf_ahead *find(cf_author_clock *clock, const cf_hash *device)
{
    for (size_t i = 0; i < clock->ahead_count; i++)
        if (cf_hash_equal(&clock->ahead[i].device, device))
            return &clock->ahead[i];
    return NULL;
}

static bool note(cf_author_clock *clock, const cf_hash *device, uint64_t time_ms, uint64_t now_ms)
{
    cf_ahead *known = find(clock, device);

    if (!known && clock->ahead_count == CF_AHEAD_NAMED)
        return false;
    if (!known)
        known = &clock->ahead[clock->ahead_count++];
    *known = (cf_ahead){*device, time_ms, now_ms};
    return true;
}

static bool forget(cf_author_clock *clock, const cf_hash *device, uint64_t time_ms)
{
    cf_ahead *known = find(clock, device);

    if (!known || time_ms <= known->noticed_ms)
        return false;
    *known = clock->ahead[--clock->ahead_count];
    return true;
}

bool cf_author_clock_saw(cf_author_clock *clock, const cf_hash *device, cf_time time,
                         uint64_t now_ms)
{
    if (!cf_time_counts(time, now_ms))
        return note(clock, device, time.ms, now_ms);
    bool changed = forget(clock, device, time.ms);
    if (cf_time_counts(clock->seen, now_ms) && cf_time_compare(time, clock->seen) <= 0)
        return changed;
    clock->seen = time; /* also where the own clock was ahead and was mended */
    return true;
}
