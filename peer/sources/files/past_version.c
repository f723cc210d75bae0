/* SPDX-License-Identifier: Apache-2.0 */
/* Which version lies on a disk: that of the last entry after which content and time were as the
 * file shows them, by size and by the time as this disk, or an archive of whole seconds, keeps it;
 * of one that came twice the first time counts until another content came between. */
#include "peer/sources/files/past_version.h"

#include "codec/bytes.h"
#include "codec/content.h"
#include "codec/pack.h"
#include "peer/merge/fields.h"

#include <stdlib.h>

static bool read_time(cf_bytes value, int64_t *out)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;

    return value.size && cf_read_int(&reader, out, &ignored) == CF_OK;
}

/* As the disk shows it, or as an archive that keeps whole seconds brought it there. */
static bool has_time(const cf_disk_traits *traits, cf_bytes mtime, int64_t shown_ns)
{
    const int64_t second_ns = 1000000000;
    int64_t then_ns;

    return read_time(mtime, &then_ns) &&
           (cf_disk_shows(traits, then_ns, shown_ns) ||
            (shown_ns < then_ns && then_ns - shown_ns < 2 * second_ns &&
             shown_ns % second_ns == 0));
}

static bool has_size(cf_bytes content, uint64_t size)
{
    uint64_t then;
    cf_hash hash;
    cf_error ignored;

    return content.size && cf_content_identity_read(content, &hash, &then, &ignored) == CF_OK &&
           then == size;
}

static bool is_write_of(const cf_past_write *write, uint32_t field)
{
    return write->value.size && cf_field_is(write->field, field);
}

static bool has_value(const cf_past_write *write, cf_bytes value)
{
    return write && cf_bytes_equal(write->value, value);
}

cf_past_version cf_past_version_of(const cf_past_item *item, const cf_disk_traits *traits,
                                   const cf_stat *stat, cf_bytes but)
{
    const cf_past_write *content = NULL, *mtime = NULL;
    cf_past_version found = {0};

    for (size_t i = 0; i < item->count; i++) {
        const cf_past_write *write = &item->writes[i];

        if (is_write_of(write, CF_FIELD_NUMBER_CONTENT)) {
            if (found.content && !found.next && !has_value(found.content, write->value))
                found.next = write;
            content = write;
        }
        if (is_write_of(write, CF_FIELD_NUMBER_MTIME))
            mtime = write;
        const bool is_last = i + 1 == item->count || !cf_dot_equal(&write->dot, &write[1].dot);
        const bool is_again = content && !found.next && has_value(found.content, content->value);
        if (is_last && content && mtime && !is_again && !has_value(content, but) &&
            has_size(content->value, stat->size) && has_time(traits, mtime->value, stat->mtime_ns))
            found = (cf_past_version){.content = content};
    }
    return found;
}

const cf_past_write *cf_past_first_of(const cf_past_item *item, cf_bytes content)
{
    for (size_t i = 0; i < item->count; i++)
        if (is_write_of(&item->writes[i], CF_FIELD_NUMBER_CONTENT) &&
            cf_bytes_equal(item->writes[i].value, content))
            return &item->writes[i];
    return NULL;
}

const cf_past_write *cf_past_arrival(const cf_past_item *item, const cf_past_place *stay)
{
    const cf_past_write *found = NULL;

    for (size_t i = 0; stay && i < item->count; i++) {
        const cf_past_write *write = &item->writes[i];

        if ((is_write_of(write, CF_FIELD_NUMBER_NAME) &&
             cf_dot_equal(&write->dot, &stay->name_dot)) ||
            (is_write_of(write, CF_FIELD_NUMBER_PARENT) &&
             cf_dot_equal(&write->dot, &stay->within_dot)))
            found = write;
    }
    return found;
}

/* ---- Files as far as their stats tell ---- */

static int order(const void *a, const void *b)
{
    const cf_file_look *one = a, *other = b;

    if (one->size != other->size)
        return one->size < other->size ? -1 : 1;
    return (one->mtime_ns > other->mtime_ns) - (one->mtime_ns < other->mtime_ns);
}

void cf_file_looks_add(cf_file_looks *list, uint64_t size, int64_t mtime_ns)
{
    *cf_one_more(list->at, list->count, list->capacity) = (cf_file_look){size, mtime_ns};
}

void cf_file_looks_sort(cf_file_looks *list)
{
    if (list->count)
        qsort(list->at, list->count, sizeof *list->at, order);
}

bool cf_file_looks_have(const cf_file_looks *list, uint64_t size, int64_t mtime_ns)
{
    const cf_file_look wanted = {size, mtime_ns};

    return list->count && bsearch(&wanted, list->at, list->count, sizeof *list->at, order) != NULL;
}

void cf_file_looks_release(cf_file_looks *list)
{
    free(list->at);
    *list = (cf_file_looks){0};
}
