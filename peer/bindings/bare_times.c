/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/bare_times.h"

#include <string.h>

enum { PARTS = 3 };

bool cf_bare_times_have(const cf_bare_times *times, uint64_t folder, int64_t changed_ns)
{
    for (size_t i = 0; i < times->count; i++)
        if (times->at[i].folder == folder && times->at[i].changed_ns == changed_ns)
            return true;
    return false;
}

bool cf_bare_times_have_folder(const cf_bare_times *times, uint64_t folder)
{
    for (size_t i = 0; i < times->count; i++)
        if (times->at[i].folder == folder)
            return true;
    return false;
}

bool cf_bare_times_have_inode(const cf_bare_times *times, uint64_t folder, uint64_t inode)
{
    for (size_t i = 0; i < times->count; i++)
        if (times->at[i].folder == folder && times->at[i].inode == inode)
            return true;
    return false;
}

static void drop(cf_bare_times *times, size_t index)
{
    times->count--;
    memmove(&times->at[index], &times->at[index + 1], (times->count - index) * sizeof *times->at);
}

static void drop_oldest_of(cf_bare_times *times, uint64_t folder)
{
    size_t of_one = 0, oldest = 0;

    for (size_t i = times->count; i-- > 0;)
        if (times->at[i].folder == folder) {
            of_one++;
            oldest = i;
        }
    if (of_one == CF_BARE_TIMES_OF_ONE)
        drop(times, oldest);
}

bool cf_bare_times_add(cf_bare_times *times, cf_bare_time noted)
{
    if (cf_bare_times_have(times, noted.folder, noted.changed_ns))
        return false;
    drop_oldest_of(times, noted.folder);
    if (times->count == CF_BARE_TIMES_MAX)
        drop(times, 0);
    times->at[times->count++] = noted;
    return true;
}

void cf_bare_times_pack(const cf_bare_times *times, cf_buffer *out)
{
    cf_pack_array(out, PARTS * times->count);
    for (size_t i = 0; i < times->count; i++) {
        cf_pack_uint(out, times->at[i].folder);
        cf_pack_int(out, times->at[i].changed_ns);
        cf_pack_uint(out, times->at[i].inode);
    }
}

cf_status cf_bare_times_read(cf_reader *reader, cf_bare_times *times, cf_error *error)
{
    size_t count = 0;

    *times = (cf_bare_times){0};
    cf_status status = cf_read_array(reader, &count, error);
    if (!status && (count % PARTS || count > PARTS * CF_BARE_TIMES_MAX))
        status =
            cf_fail(error, CF_MALFORMED, "times of %zu directories are too many", count / PARTS);
    while (!status && times->count < count / PARTS) {
        cf_bare_time *time = &times->at[times->count++];

        status = cf_read_uint(reader, &time->folder, error);
        if (!status)
            status = cf_read_int(reader, &time->changed_ns, error);
        if (!status)
            status = cf_read_uint(reader, &time->inode, error);
    }
    return status;
}
