/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a disk, as it is kept in the home: [device, type, id, flags of the system, inode
 * and time of the mark, step, flags, size refused, earliest and latest time, when all was seen,
 * times of bare directories], the last five not in earlier records. */
#include "peer/bindings/disk_traits.h"

#include "codec/pack.h"

enum {
    PARTS = 8,
    PARTS_WITH_SIZE = 9,
    PARTS_WITH_SPAN = 11,
    PARTS_WITH_WHOLE = 12,
    PARTS_WRITTEN = 13
};
enum { FUSE = 1, REMOTE = 2, RENUMBERED = 4, READ_ONLY = 8 };
enum {
    LOSES_TIMES = 1,
    LOSES_MODES = 2,
    LOSES_SYMLINKS = 4,
    FOLDS_CASE = 8,
    FOLDS_UNICODE = 16,
    RENUMBERS = 32,
    CHANGES_NAMES = 64,
    /* 128: names were tried, as earlier builds had it */
    REFUSES_NAMES = 256,
    LOSES_HARDLINKS = 512,
    /* 1024: all but what follows was tried, the same */
    DATES_FOLDERS = 2048,
    /* 4096: all but what follows was tried, the same */
    KEEPS_CTIMES = 8192,
    KNOWS_ALL = 16384
};

static uint64_t flags_of_system(const cf_filesystem *system)
{
    return (system->is_fuse ? FUSE : 0) | (system->is_remote ? REMOTE : 0) |
           (system->renumbers ? RENUMBERED : 0) | (system->is_read_only ? READ_ONLY : 0);
}

static uint64_t flags_of(const cf_disk_traits *traits)
{
    return (traits->loses_times ? LOSES_TIMES : 0) | (traits->loses_modes ? LOSES_MODES : 0) |
           (traits->loses_symlinks ? LOSES_SYMLINKS : 0) | (traits->folds_case ? FOLDS_CASE : 0) |
           (traits->folds_unicode ? FOLDS_UNICODE : 0) | (traits->renumbers ? RENUMBERS : 0) |
           (traits->changes_names ? CHANGES_NAMES : 0) |
           (traits->refuses_names ? REFUSES_NAMES : 0) |
           (traits->loses_hardlinks ? LOSES_HARDLINKS : 0) |
           (traits->dates_folders ? DATES_FOLDERS : 0) | (traits->keeps_ctimes ? KEEPS_CTIMES : 0) |
           (traits->knows_all ? KNOWS_ALL : 0);
}

void cf_disk_pack(const cf_disk_identity *identity, const cf_disk_traits *traits,
                  const cf_disk_seen *seen, cf_buffer *out)
{
    cf_pack_array(out, PARTS_WRITTEN);
    cf_pack_uint(out, identity->system.device);
    cf_pack_uint(out, identity->system.type);
    cf_pack_uint(out, identity->system.id);
    cf_pack_uint(out, flags_of_system(&identity->system));
    cf_pack_uint(out, identity->mark_inode);
    cf_pack_int(out, identity->mark_mtime_ns);
    cf_pack_int(out, traits->time_step_ns);
    cf_pack_uint(out, flags_of(traits));
    cf_pack_uint(out, traits->size_refused);
    cf_pack_int(out, traits->earliest_ns);
    cf_pack_int(out, traits->latest_ns);
    cf_pack_int(out, seen->whole_ns);
    cf_bare_times_pack(&seen->bare, out);
}

cf_status cf_disk_read(cf_bytes record, cf_disk_identity *identity, cf_disk_traits *traits,
                       cf_disk_seen *seen, cf_error *error)
{
    cf_reader reader = cf_reader_of(record);
    cf_disk_identity read = {0};
    cf_disk_seen seen_then = {0};
    int64_t step_ns = 0, earliest_ns = INT64_MIN, latest_ns = INT64_MAX;
    uint64_t system = 0, flags = 0, size_refused = 0;
    size_t count = 0;

    cf_status status = cf_read_array(&reader, &count, error);
    if (!status && count < PARTS)
        status = cf_fail(error, CF_MALFORMED, "a disk has %zu parts", count);
    uint64_t *const numbers[] = {&read.system.device, &read.system.type, &read.system.id, &system,
                                 &read.mark_inode};
    for (size_t i = 0; !status && i < sizeof numbers / sizeof numbers[0]; i++)
        status = cf_read_uint(&reader, numbers[i], error);
    if (!status)
        status = cf_read_int(&reader, &read.mark_mtime_ns, error);
    if (!status)
        status = cf_read_int(&reader, &step_ns, error);
    if (!status)
        status = cf_read_uint(&reader, &flags, error);
    if (!status && count >= PARTS_WITH_SIZE)
        status = cf_read_uint(&reader, &size_refused, error);
    if (!status && count >= PARTS_WITH_SPAN)
        status = cf_read_int(&reader, &earliest_ns, error);
    if (!status && count >= PARTS_WITH_SPAN)
        status = cf_read_int(&reader, &latest_ns, error);
    if (!status && count >= PARTS_WITH_WHOLE)
        status = cf_read_int(&reader, &seen_then.whole_ns, error);
    if (!status && count >= PARTS_WRITTEN)
        status = cf_bare_times_read(&reader, &seen_then.bare, error);
    if (!status && (step_ns < 1 || step_ns > 3600 * INT64_C(1000000000)))
        status = cf_fail(error, CF_MALFORMED, "a disk's times have no such step");
    if (status)
        return status;
    read.system.is_fuse = system & FUSE;
    read.system.is_remote = system & REMOTE;
    read.system.renumbers = system & RENUMBERED;
    read.system.is_read_only = system & READ_ONLY;
    *identity = read;
    *seen = seen_then;
    *traits = (cf_disk_traits){step_ns,
                               flags & LOSES_TIMES,
                               flags & LOSES_MODES,
                               flags & LOSES_SYMLINKS,
                               flags & FOLDS_CASE,
                               flags & FOLDS_UNICODE,
                               flags & RENUMBERS,
                               flags & CHANGES_NAMES,
                               flags & DATES_FOLDERS,
                               flags & KEEPS_CTIMES,
                               flags & KNOWS_ALL,
                               flags & REFUSES_NAMES,
                               flags & LOSES_HARDLINKS,
                               size_refused,
                               earliest_ns,
                               latest_ns};
    return CF_OK;
}
