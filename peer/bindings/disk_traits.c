/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/disk_traits.h"

#include "codec/item.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND INT64_C(1000000000)
#define DAY (86400 * SECOND)

const cf_disk_traits cf_disk_traits_untried = {
    .time_step_ns = 1, .earliest_ns = INT64_MIN, .latest_ns = INT64_MAX};

/* ---- Which disk ---- */

bool cf_disk_identity_equal(const cf_disk_identity *a, const cf_disk_identity *b)
{
    return cf_filesystem_equal(&a->system, &b->system) && a->mark_inode == b->mark_inode &&
           a->mark_mtime_ns == b->mark_mtime_ns;
}

cf_status cf_disk_identify(cf_files *files, const cf_folder *root, cf_disk_identity *out,
                           cf_error *error)
{
    cf_folder *own = NULL;
    cf_stat mark;

    cf_status status = files->filesystem(files, root, &out->system, error);
    if (!status)
        status = files->open_folder(files, root, cf_bytes_of_text(CF_OWN_FOLDER), &own, error);
    if (!status)
        status = files->stat(files, own, cf_bytes_of_text("root"), &mark, error);
    if (!status) {
        out->mark_inode = mark.inode;
        out->mark_mtime_ns = mark.mtime_ns;
    }
    files->close_folder(files, &own);
    return status;
}

/* ---- Times ---- */

/* Others may write any time: where there are no more, the first or the last. */
static int64_t difference(int64_t a, int64_t b)
{
    int64_t out;

    return __builtin_sub_overflow(a, b, &out) ? (b > 0 ? INT64_MIN : INT64_MAX) : out;
}

static int64_t cut(int64_t time_ns, int64_t step_ns)
{
    int64_t over = time_ns % step_ns;

    return difference(time_ns, over < 0 ? over + step_ns : over);
}

int64_t cf_disk_time(const cf_disk_traits *traits, int64_t time_ns)
{
    const int64_t kept_ns = time_ns < traits->earliest_ns ? traits->earliest_ns
                            : time_ns > traits->latest_ns ? traits->latest_ns
                                                          : time_ns;

    return cut(kept_ns, traits->time_step_ns);
}

/* Of a disk with FAT's times, which are those of a zone that only its daemon knows:
 *
 *     1970-01-01, in New York        1980-01-01 05:00
 *     2160-02-18 10:40               2032-02-17 10:40: the years begin again
 */
static bool is_fat_end(int64_t time_ns, int64_t shown_ns)
{
    const int64_t since_ns = difference(shown_ns, CF_DISK_FAT_FIRST_NS);
    const bool is_first = since_ns >= -DAY && since_ns <= DAY && since_ns % (15 * 60 * SECOND) == 0;

    return (time_ns < CF_DISK_FAT_FIRST_NS + DAY && is_first) ||
           (time_ns > CF_DISK_FAT_FIRST_NS + CF_DISK_FAT_SPAN_NS - DAY &&
            difference(time_ns, shown_ns) == CF_DISK_FAT_SPAN_NS);
}

bool cf_disk_shows(const cf_disk_traits *traits, int64_t time_ns, int64_t shown_ns)
{
    const int64_t cut_ns = cut(time_ns, traits->time_step_ns);

    return shown_ns == cut_ns || shown_ns == cf_disk_time(traits, time_ns) ||
           (traits->earliest_ns == CF_DISK_FAT_FIRST_NS && is_fat_end(cut_ns, shown_ns));
}

/* ---- What is told ---- */

static void append_step(int64_t step_ns, cf_buffer *out)
{
    static const struct {
        int64_t ns;
        const char *name;
    } units[] = {{SECOND, "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};
    size_t i = 0;

    while (step_ns % units[i].ns)
        i++;
    cf_buffer_append_text(out, "times to %" PRId64 " %s", step_ns / units[i].ns, units[i].name);
}

/* "no modes and no links, times to 2 s" */
static bool append_kept(const cf_disk_traits *traits, cf_buffer *out)
{
    const struct {
        bool is_lost;
        const char *name;
    } things[] = {{traits->loses_modes, "no modes"},
                  {traits->loses_symlinks, "no links"},
                  {traits->loses_hardlinks && !traits->loses_symlinks, "no hard links"},
                  {traits->loses_times, "no times"}};
    const char *before = "this disk keeps ";
    bool any = false;

    for (size_t i = 0; i < sizeof things / sizeof things[0]; i++)
        if (things[i].is_lost) {
            cf_buffer_append_text(out, "%s%s", before, things[i].name);
            before = " and ";
            any = true;
        }
    if (traits->time_step_ns > 1) {
        cf_buffer_append_text(out, "%s", any ? ", " : before);
        append_step(traits->time_step_ns, out);
        any = true;
    }
    return any;
}

/* "this disk", and before what is said after something else ", and" */
static void begin_clause(cf_buffer *out, bool *any)
{
    cf_buffer_append_text(out, "%s", *any ? ", and" : "this disk");
    *any = true;
}

void cf_disk_traits_text(const cf_disk_traits *traits, cf_buffer *out)
{
    bool any = append_kept(traits, out);

    if (traits->folds_case || traits->folds_unicode) {
        begin_clause(out, &any);
        cf_buffer_append_text(out, " takes ");
    }
    if (traits->folds_case)
        cf_buffer_append_text(out, "A for a");
    if (traits->folds_unicode)
        cf_buffer_append_text(out, "%s\xc3\xa9 for e\xcc\x81", traits->folds_case ? " and " : "");
    if (traits->changes_names || traits->refuses_names) {
        begin_clause(out, &any);
        cf_buffer_append_text(out, " %s%s%s some names", traits->changes_names ? "changes" : "",
                              traits->changes_names && traits->refuses_names ? " or " : "",
                              traits->refuses_names ? "refuses" : "");
    }
    if (traits->size_refused) {
        begin_clause(out, &any);
        cf_buffer_append_text(out, " takes no file of %" PRIu64 " bytes", traits->size_refused);
    }
}

/* ---- How often a disk is looked at that others change ---- */

cf_status cf_poll_word_of(uint64_t period_ms, cf_poll_word *out, cf_error *error)
{
    if (period_ms && (period_ms < CF_POLL_MIN_MS || period_ms > CF_POLL_MAX_MS))
        return cf_fail(error, CF_USAGE,
                       "a source is polled every 1s to 1h, or, with 0, not at all");
    *out = (cf_poll_word){true, period_ms};
    return CF_OK;
}

bool cf_poll_wants(const cf_filesystem *system)
{
    return system->is_fuse || system->is_remote;
}

uint64_t cf_poll_period(cf_poll_word word, bool is_remote)
{
    return word.given ? word.period_ms : is_remote ? CF_POLL_REMOTE_MS : 0;
}

void cf_poll_show(uint64_t period_ms, char text[CF_POLL_TEXT])
{
    const bool whole = period_ms % 1000 == 0;

    snprintf(text, CF_POLL_TEXT, "%" PRIu64 "%s", whole ? period_ms / 1000 : period_ms,
             !period_ms ? ""
             : whole    ? "s"
                        : "ms");
}
