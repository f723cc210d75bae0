/* SPDX-License-Identifier: Apache-2.0 */
/* A device's disk that fails at a chosen call: its files and its store count what they are asked,
 * together. From the fault on everything that changes something fails, as after a crash, until the
 * fault is taken away; or it is this one call alone; or it succeeds, and something happens in
 * between. */
#ifndef CF_TESTS_FAULTY_DISK_H
#define CF_TESTS_FAULTY_DISK_H
#include "broker/files.h"
#include "broker/store.h"

typedef struct {
    uint64_t calls;                   /* that were made */
    bool reads;                       /* reading counts, and fails, too */
    uint64_t at;                      /* the number of the call that fails, from 1; 0: none */
    bool once;                        /* it alone */
    bool moves;                       /* only what puts a file into a place fails */
    bool names;                       /* only bringing a folder's names to the disk fails */
    bool access;                      /* only asking whether something can be read fails */
    cf_status status;                 /* CF_OK: it does not fail */
    void (*meanwhile)(void *context); /* before call `at`, once; NULL: nothing */
    void *context;
} disk_faults;

/* `inner` and `faults` outlive them. */
cf_files *faulty_files_new(cf_files *inner, disk_faults *faults);
/* Takes the store, which is one in memory on this disk. */
cf_store *faulty_store_new(cf_store *inner, cf_store_memory_disk *disk, disk_faults *faults);

#endif
