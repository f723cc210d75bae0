/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/engine/findings.h"

#include "codec/limits.h"

#include <stdlib.h>

static void release_lines(cf_findings *findings)
{
    for (size_t i = 0; i < findings->line_count; i++)
        free(findings->lines[i]);
    free(findings->lines);
    findings->lines = NULL;
    findings->line_count = 0;
}

void cf_findings_release(cf_findings *findings)
{
    release_lines(findings);
    for (size_t i = 0; i < findings->held_count; i++)
        cf_heads_release(&findings->held[i].heads);
    for (size_t i = 0; i < findings->report_count; i++)
        cf_heads_release(&findings->reports[i].applied);
    for (size_t i = 0; i < findings->end_count; i++)
        cf_heads_release(&findings->ends[i].heads);
    free(findings->held);
    free(findings->reports);
    free(findings->ends);
    *findings = (cf_findings){0};
}

void cf_findings_locate(cf_findings *findings, const uint8_t instance[16], uint64_t position,
                        const cf_bytes *lines, size_t count)
{
    release_lines(findings);
    memcpy(findings->instance, instance, sizeof findings->instance);
    findings->position = position;
    findings->lines = cf_allocate(count, sizeof *findings->lines);
    for (size_t i = 0; i < count; i++)
        findings->lines[findings->line_count++] = cf_text_copy_of(lines[i]);
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

cf_status cf_findings_hold(cf_findings *findings, const cf_id *collection, const cf_head *heads,
                           size_t count, cf_error *error)
{
    cf_held *last = findings->held_count ? &findings->held[findings->held_count - 1] : NULL;

    if (count_page(&findings->heads_held, count, CF_HEADS_MAX, error))
        return error->status;
    if (!last || !cf_id_equal(&last->collection, collection)) {
        last = cf_one_more(findings->held, findings->held_count, findings->held_capacity);
        *last = (cf_held){.collection = *collection};
    }
    append(&last->heads, heads, count);
    return CF_OK;
}

cf_status cf_findings_report(cf_findings *findings, const cf_report_page *page, cf_error *error)
{
    cf_device_report *last =
        findings->report_count ? &findings->reports[findings->report_count - 1] : NULL;

    if (count_page(&findings->heads_reported, page->count, CF_REPORTED_MAX, error))
        return error->status;
    if (!last || !cf_hash_equal(&last->device, &page->device)) {
        last = cf_one_more(findings->reports, findings->report_count, findings->report_capacity);
        *last = (cf_device_report){.device = page->device, .at_ms = page->at_ms};
    }
    append(&last->applied, page->heads, page->count);
    return CF_OK;
}

cf_status cf_findings_ends(cf_findings *findings, const cf_ends_page *page, cf_error *error)
{
    cf_device_ends *last = findings->end_count ? &findings->ends[findings->end_count - 1] : NULL;

    if (count_page(&findings->heads_held, page->count, CF_HEADS_MAX, error))
        return error->status;
    if (!last || !cf_hash_equal(&last->device, &page->device)) {
        last = cf_one_more(findings->ends, findings->end_count, findings->end_capacity);
        *last = (cf_device_ends){.device = page->device};
    }
    append(&last->heads, page->heads, page->count);
    last->is_whole = !page->more;
    return CF_OK;
}

const cf_heads *cf_findings_ends_of(const cf_findings *findings, const cf_hash *device)
{
    for (size_t i = 0; i < findings->end_count; i++)
        if (findings->ends[i].is_whole && cf_hash_equal(&findings->ends[i].device, device))
            return &findings->ends[i].heads;
    return NULL;
}

void cf_findings_end(cf_findings *findings)
{
    for (size_t i = 0; i < findings->end_count; i++)
        cf_heads_add(&findings->ends[i].heads, NULL, 0);
    for (size_t i = 0; i < findings->held_count; i++)
        cf_heads_add(&findings->held[i].heads, NULL, 0);
    for (size_t i = 0; i < findings->report_count; i++)
        cf_heads_add(&findings->reports[i].applied, NULL, 0);
}
