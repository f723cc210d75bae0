/* SPDX-License-Identifier: Apache-2.0 */
/* What the disk of a source keeps of what is written to it: learned by trial, since neither the
 * system nor the name of a file system tells. What the disk does not keep is not read from it, and
 * so never published. Plain data and functions of cf_files; any thread. */
#ifndef CF_PEER_BINDINGS_DISK_TRAITS_H
#define CF_PEER_BINDINGS_DISK_TRAITS_H
#include "broker/platform/files.h"
#include "peer/bindings/disk_clock.h"

/* FAT and exFAT have 7 bits for the years after 1980, of which every fourth has a day more. */
#define CF_DISK_FAT_FIRST_NS (315532800 * INT64_C(1000000000))
#define CF_DISK_FAT_SPAN_NS (INT64_C(86400000000000) * (128 * 365 + 32))

typedef struct {
    int64_t time_step_ns; /* a time that is set is cut to a multiple of this, downwards; 1: exact */
    bool loses_times;     /* a time that is set is not there afterwards */
    bool loses_modes;     /* the same of permission bits */
    bool loses_symlinks;  /* none can be made */
    bool folds_case;      /* `A` is `a` */
    bool folds_unicode;   /* the composed and the decomposed form of a letter are one name */
    bool renumbers;       /* inode numbers may be others when it is mounted anew */
    bool changes_names;   /* some are listed otherwise than they were made: `end.` is `end` */
    bool dates_folders;   /* a directory has a new time when something is removed from it */
    bool keeps_ctimes;    /* when it was changed shows there, though its time was set */
    bool knows_all;       /* all of this was tried: earlier records don't tell */
    bool refuses_names;   /* some can't be made, as `a:b` */
    bool loses_hardlinks; /* none can be made */
    uint64_t size_refused; /* bytes of the smallest file that was too large there; 0: none was */
    int64_t earliest_ns;   /* a time before is shown as this one, */
    int64_t latest_ns;     /* and one after as this */
} cf_disk_traits;

/* Of a disk that was not tried yet: everything is kept. */
extern const cf_disk_traits cf_disk_traits_untried;

/* Which disk it is, as well as can be told: the trial is made again on another one. */
typedef struct {
    cf_filesystem system;
    uint64_t mark_inode;   /* of the source's mark, .counterfoil/root */
    int64_t mark_mtime_ns; /* of it: a mark with this time and another inode is a renumbered one */
} cf_disk_identity;
bool cf_disk_identity_equal(const cf_disk_identity *a, const cf_disk_identity *b);
/* `root` has a mark. */
cf_status cf_disk_identify(cf_files *files, const cf_folder *root, cf_disk_identity *out,
                           cf_error *error);

/* Several spellings are one name there. */
static inline bool cf_disk_folds(const cf_disk_traits *traits)
{
    return traits->folds_case || traits->folds_unicode;
}

static inline bool cf_disk_refuses_size(const cf_disk_traits *traits, uint64_t size)
{
    return traits->size_refused && size >= traits->size_refused;
}

/* The time that the disk shows when `time_ns` was set: 2.7 s with steps of 1 s -> 2 s; the year
 * 2050 where times end in 2038 -> 2038. */
int64_t cf_disk_time(const cf_disk_traits *traits, int64_t time_ns);

/* Whether what is shown may be what was set: a daemon of FUSE shows a time before 1980 as such, and
 * as 1980 when it is mounted anew. */
bool cf_disk_shows(const cf_disk_traits *traits, int64_t time_ns, int64_t shown_ns);

/* "this disk keeps no modes and no links, times to 2 s, and takes A for a"; nothing is appended for
 * one that keeps everything. */
void cf_disk_traits_text(const cf_disk_traits *traits, cf_buffer *out);

/* What was seen of the source on it. */
typedef struct {
    int64_t whole_ns; /* by the disk's clock, when all that the base has was seen last, but for what
                         is held; 0: never */
    cf_bare_times bare;
} cf_disk_seen;

/* As they are kept in the home. A record of a newer program has more parts, which are ignored.
 * CF_MALFORMED: it is none. */
void cf_disk_pack(const cf_disk_identity *identity, const cf_disk_traits *traits,
                  const cf_disk_seen *seen, cf_buffer *out);
cf_status cf_disk_read(cf_bytes record, cf_disk_identity *identity, cf_disk_traits *traits,
                       cf_disk_seen *seen, cf_error *error);

/* ---- How often a disk is looked at that others change ---- */

/* How often all of a source of files is looked at though nothing told of a change: what another
 * machine does on a share, or a FUSE daemon below it, no watch sees. Pure. */

#define CF_POLL_REMOTE_MS 60000 /* where others change the disk, unless something else is said */
#define CF_POLL_MIN_MS 1000
#define CF_POLL_MAX_MS 3600000 /* all is looked at once an hour anyway: CF_RESCAN_MS */
enum { CF_POLL_TEXT = 24 };

typedef struct {
    bool given;         /* else by the disk */
    uint64_t period_ms; /* 0: none */
} cf_poll_word;

/* What the user said: 0, or CF_POLL_MIN_MS to CF_POLL_MAX_MS. CF_USAGE for anything else. */
cf_status cf_poll_word_of(uint64_t period_ms, cf_poll_word *out, cf_error *error);
/* Machines other than this one, or a daemon, may change it without a word. */
bool cf_poll_wants(const cf_filesystem *system);
/* 0: never. */
uint64_t cf_poll_period(cf_poll_word word, bool is_remote);
/* "60s", "1500ms". */
void cf_poll_show(uint64_t period_ms, char text[CF_POLL_TEXT]);

#endif
