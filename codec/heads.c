/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/heads.h"

#include <stdlib.h>
#include <string.h>

#include "codec/limits.h"

void cf_heads_release(cf_heads *set)
{
    free(set->heads);
    *set = (cf_heads){0};
}

int cf_head_compare(const cf_head *a, const cf_head *b)
{
    int order = cf_id_compare(&a->writer, &b->writer);

    if (order == 0)
        order = (a->sequence > b->sequence) - (a->sequence < b->sequence);
    return order ? order : cf_hash_compare(&a->hash, &b->hash);
}

cf_head cf_head_of(const cf_entry *entry)
{
    return (cf_head){entry->header.writer, entry->header.sequence, entry->hash};
}

/* Where the head is, or would be inserted. */
static size_t place_of(const cf_heads *set, const cf_head *head)
{
    size_t low = 0, high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cf_head_compare(&set->heads[middle], head) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const cf_heads *set, size_t place, const cf_head *head)
{
    return place < set->count && cf_head_compare(&set->heads[place], head) == 0;
}

bool cf_heads_contain(const cf_heads *set, const cf_head *head)
{
    return is_at(set, place_of(set, head), head);
}

const cf_head *cf_heads_of_writer(const cf_heads *set, const cf_id *writer, size_t *count)
{
    cf_head least = {.writer = *writer};
    size_t first = place_of(set, &least), last = first;

    while (last < set->count && cf_id_equal(&set->heads[last].writer, writer))
        last++;
    *count = last - first;
    return *count ? set->heads + first : NULL;
}

bool cf_heads_reach(const cf_heads *set, const cf_id *writer, uint64_t sequence)
{
    size_t count;
    const cf_head *heads = cf_heads_of_writer(set, writer, &count);

    return heads && heads[count - 1].sequence >= sequence;
}

static void insert_at(cf_heads *set, size_t place, const cf_head *head)
{
    *cf_one_more_at(set->heads, set->count, set->capacity, place) = *head;
}

void cf_heads_insert(cf_heads *set, const cf_head *head)
{
    size_t place = place_of(set, head);

    if (!is_at(set, place, head))
        insert_at(set, place, head);
}

static int by_order(const void *a, const void *b)
{
    return cf_head_compare(a, b);
}

void cf_heads_add(cf_heads *set, const cf_head *heads, size_t count)
{
    size_t kept = 0;

    set->heads = cf_grow(set->heads, &set->capacity, set->count + count, sizeof *set->heads);
    if (count)
        memcpy(set->heads + set->count, heads, count * sizeof *heads);
    set->count += count;
    if (set->count)
        qsort(set->heads, set->count, sizeof *set->heads, by_order);
    for (size_t i = 0; i < set->count; i++)
        if (!kept || cf_head_compare(&set->heads[kept - 1], &set->heads[i]) != 0)
            set->heads[kept++] = set->heads[i];
    set->count = kept;
}

void cf_heads_remove(cf_heads *set, const cf_head *head)
{
    size_t place = place_of(set, head);

    if (!is_at(set, place, head))
        return;
    set->count--;
    memmove(set->heads + place, set->heads + place + 1, (set->count - place) * sizeof *set->heads);
}

void cf_heads_advance(cf_heads *set, const cf_entry *entry)
{
    cf_head head = cf_head_of(entry);

    if (head.sequence > 1) {
        cf_head previous = {head.writer, head.sequence - 1, entry->header.previous};

        cf_heads_remove(set, &previous);
    }
    cf_heads_insert(set, &head);
}

void cf_heads_add_new(cf_heads *into, const cf_heads *more, const cf_heads *known)
{
    for (size_t i = 0; i < more->count; i++)
        if (!known || !cf_heads_contain(known, &more->heads[i]))
            cf_heads_insert(into, &more->heads[i]);
}

void cf_heads_after(const cf_author_seen *seen, cf_heads *out)
{
    const cf_head *own;
    size_t count;

    cf_heads_add_new(out, seen->collection, seen->told);
    if (seen->members)
        cf_heads_add_new(out, seen->members, seen->told);
    while ((own = cf_heads_of_writer(out, seen->writer, &count))) {
        cf_head head = *own;

        cf_heads_remove(out, &head);
    }
}

void cf_heads_pack(cf_buffer *out, const cf_head *heads, size_t count)
{
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++) {
        cf_pack_array(out, 3);
        cf_pack_bin(out, cf_bytes_of(heads[i].writer.bytes, CF_ID_SIZE));
        cf_pack_uint(out, heads[i].sequence);
        cf_pack_bin(out, cf_bytes_of(heads[i].hash.bytes, CF_HASH_SIZE));
    }
}

static cf_status read_head(cf_reader *reader, cf_head *out, cf_error *error)
{
    size_t count;
    cf_status status = cf_read_array(reader, &count, error);

    if (!status && count != 3)
        status = cf_fail(error, CF_MALFORMED, "a head of %zu elements", count);
    if (!status)
        status = cf_read_bin_exact(reader, out->writer.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_uint(reader, &out->sequence, error);
    if (!status && (out->sequence == 0 || out->sequence > CF_SEQUENCE_MAX))
        status = cf_fail(error, CF_MALFORMED, "a head's sequence is 0 or over 2^63 - 1");
    if (!status)
        status = cf_read_bin_exact(reader, out->hash.bytes, CF_HASH_SIZE, error);
    return status;
}

static cf_status read_ascending(cf_reader *reader, size_t count, cf_heads *set, cf_error *error)
{
    for (size_t i = 0; i < count; i++) {
        cf_head head;
        cf_status status = read_head(reader, &head, error);

        if (status)
            return status;
        if (i > 0 && cf_head_compare(&set->heads[i - 1], &head) >= 0)
            return cf_fail(error, CF_MALFORMED, "heads are not in ascending order");
        insert_at(set, i, &head);
    }
    return CF_OK;
}

cf_status cf_heads_read(cf_reader *reader, size_t limit, cf_heads *out, cf_error *error)
{
    cf_heads set = {0};
    size_t count;
    cf_status status = cf_read_array(reader, &count, error);

    if (!status && count > limit)
        status = cf_fail(error, CF_TOO_LARGE, "%zu heads where %zu are the most", count, limit);
    if (!status)
        status = read_ascending(reader, count, &set, error);
    if (status) {
        cf_heads_release(&set);
        return status;
    }
    cf_heads_release(out);
    *out = set;
    return CF_OK;
}

size_t cf_ladder(uint64_t highest, uint64_t out[CF_LADDER_MAX])
{
    size_t count = 0;

    for (uint64_t below = 0; below < highest; below = 2 * below + 1) {
        out[count++] = highest - below;
        if (below > UINT64_MAX / 2)
            break;
    }
    if (count && out[count - 1] != 1)
        out[count++] = 1;
    return count;
}
