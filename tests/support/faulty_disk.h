/* SPDX-License-Identifier: Apache-2.0 */
/* A device's disk that fails at a chosen call: its files and its store count what they are asked,
 * together. From the fault on everything that changes something fails, as after a crash, until the
 * fault is taken away; or it is this one call alone; or it succeeds, and something happens in
 * between. */
#ifndef CF_TESTS_FAULTY_DISK_H
#define CF_TESTS_FAULTY_DISK_H
#include "broker/platform/files.h"
#include "broker/store/store.h"

/* What such a disk does not keep; {0}: it keeps everything. */
typedef struct {
    int64_t step_ns;     /* of the times of change, which are cut to it, */
    int64_t earliest_ns; /* and to these; 0: there is no such end */
    int64_t latest_ns;
    bool stamps;         /* what is renamed has another time then */
    bool fuse;           /* the system says that it is FUSE */
    bool modes;          /* what is set is forgotten, and everything is 0777 */
    bool refuses_modes;  /* with that: setting one fails */
    bool links;          /* no symbolic ones can be made */
    bool folds;          /* `A` is `a`, and rename takes no flags: folding_disk.h */
    const char *refuses; /* with that: letters that no name has there; NULL: none */
    bool keeps_case;     /* with that: `A` is not `a` */
    const char *strips;  /* with that: letters that a name is made without at its end; NULL: none */
    bool folds_unicode;  /* with that: both forms of an accent are one name */
    int refusal;         /* with that: errno of what is refused; 0: ENOENT */
    size_t longest;      /* with that: bytes of a name; 0: as many as behind it */
    uint64_t largest;    /* bytes of a file; 0: as many */
    uint64_t kind;       /* another number: another disk, with what lay on the one before */
} disk_lacks;

typedef struct {
    uint64_t calls;                   /* that were made */
    uint64_t written;                 /* bytes that were, to files */
    bool reads;                       /* reading counts, and fails, too */
    uint64_t at;                      /* the number of the call that fails, from 1; 0: none */
    bool once;                        /* it alone */
    bool moves;                       /* only what puts a file into a place fails */
    bool names;                       /* only bringing a folder's names to the disk fails */
    bool bytes;                       /* only writing bytes to files fails */
    bool access;                      /* only asking whether something can be read fails */
    cf_status status;                 /* CF_OK: it does not fail */
    void (*meanwhile)(void *context); /* before call `at`, once; NULL: nothing */
    void *context;
    disk_lacks lacks;
} disk_faults;

/* `inner` and `faults` outlive them. */
cf_files *faulty_files_new(cf_files *inner, disk_faults *faults);
/* Takes the store, which is one in memory on this disk. */
cf_store *faulty_store_new(cf_store *inner, cf_store_memory_disk *disk, disk_faults *faults);

#endif
