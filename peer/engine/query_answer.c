/* SPDX-License-Identifier: Apache-2.0 */
/* What of an answer is taken: pages of one collection or device that follow each other are one. A
 * page counts as one head at least, and with more than CF_HEADS_MAX, or CF_REPORTED_MAX in reports,
 * the answer is refused. The ends of a device count when the last page of them has come. */
#include "peer/engine/query_answer.h"

#include "codec/limits.h"

#include <stdlib.h>

static void release_lines(cf_query_answer *answer)
{
    for (size_t i = 0; i < answer->line_count; i++)
        free(answer->lines[i]);
    free(answer->lines);
    answer->lines = NULL;
    answer->line_count = 0;
}

void cf_query_answer_release(cf_query_answer *answer)
{
    release_lines(answer);
    for (size_t i = 0; i < answer->held_count; i++)
        cf_heads_release(&answer->held[i].heads);
    for (size_t i = 0; i < answer->report_count; i++)
        cf_heads_release(&answer->reports[i].applied);
    for (size_t i = 0; i < answer->end_count; i++)
        cf_heads_release(&answer->ends[i].heads);
    free(answer->held);
    free(answer->reports);
    free(answer->ends);
    *answer = (cf_query_answer){0};
}

void cf_query_answer_locate(cf_query_answer *answer, const uint8_t instance[16], uint64_t position,
                            const cf_bytes *lines, size_t count)
{
    release_lines(answer);
    memcpy(answer->instance, instance, sizeof answer->instance);
    answer->position = position;
    answer->lines = cf_allocate(count, sizeof *answer->lines);
    for (size_t i = 0; i < count; i++)
        answer->lines[answer->line_count++] = cf_text_copy_of(lines[i]);
}

static cf_status count_page(size_t *total, size_t count, size_t most, cf_error *error)
{
    size_t more = count ? count : 1;

    if (more > most - *total)
        return cf_fail(error, CF_TOO_LARGE, "the broker answers with more than %zu heads", most);
    *total += more;
    return CF_OK;
}

/* In the order of their coming: sorting each page in would let small pages cost much. */
static void append(cf_heads *set, const cf_head *heads, size_t count)
{
    set->heads = cf_grow(set->heads, &set->capacity, set->count + count, sizeof *set->heads);
    if (count)
        memcpy(set->heads + set->count, heads, count * sizeof *heads);
    set->count += count;
}

cf_status cf_query_answer_hold(cf_query_answer *answer, const cf_id *collection,
                               const cf_head *heads, size_t count, cf_error *error)
{
    cf_held *last = answer->held_count ? &answer->held[answer->held_count - 1] : NULL;

    if (count_page(&answer->heads_held, count, CF_HEADS_MAX, error))
        return error->status;
    if (!last || !cf_id_equal(&last->collection, collection)) {
        last = cf_one_more(answer->held, answer->held_count, answer->held_capacity);
        *last = (cf_held){.collection = *collection};
    }
    append(&last->heads, heads, count);
    return CF_OK;
}

cf_status cf_query_answer_report(cf_query_answer *answer, const cf_report_page *page,
                                 cf_error *error)
{
    cf_device_report *last =
        answer->report_count ? &answer->reports[answer->report_count - 1] : NULL;

    if (count_page(&answer->heads_reported, page->count, CF_REPORTED_MAX, error))
        return error->status;
    if (!last || !cf_hash_equal(&last->device, &page->device)) {
        last = cf_one_more(answer->reports, answer->report_count, answer->report_capacity);
        *last = (cf_device_report){.device = page->device, .at_ms = page->at_ms};
    }
    append(&last->applied, page->heads, page->count);
    return CF_OK;
}

cf_status cf_query_answer_ends(cf_query_answer *answer, const cf_ends_page *page, cf_error *error)
{
    cf_device_ends *last = answer->end_count ? &answer->ends[answer->end_count - 1] : NULL;

    if (count_page(&answer->heads_held, page->count, CF_HEADS_MAX, error))
        return error->status;
    if (!last || !cf_hash_equal(&last->device, &page->device)) {
        last = cf_one_more(answer->ends, answer->end_count, answer->end_capacity);
        *last = (cf_device_ends){.device = page->device};
    }
    append(&last->heads, page->heads, page->count);
    last->is_whole = !page->more;
    return CF_OK;
}

const cf_heads *cf_query_answer_ends_of(const cf_query_answer *answer, const cf_hash *device)
{
    for (size_t i = 0; i < answer->end_count; i++)
        if (answer->ends[i].is_whole && cf_hash_equal(&answer->ends[i].device, device))
            return &answer->ends[i].heads;
    return NULL;
}

void cf_query_answer_end(cf_query_answer *answer)
{
    for (size_t i = 0; i < answer->end_count; i++)
        cf_heads_add(&answer->ends[i].heads, NULL, 0);
    for (size_t i = 0; i < answer->held_count; i++)
        cf_heads_add(&answer->held[i].heads, NULL, 0);
    for (size_t i = 0; i < answer->report_count; i++)
        cf_heads_add(&answer->reports[i].applied, NULL, 0);
}
