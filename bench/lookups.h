/* SPDX-License-Identifier: Apache-2.0 */
/* How often programs ask the kernel for files by their names: stat, access, open, the names of a
 * folder. Unlike reads these stand in no file of /proc; only root can count them. */
#ifndef CF_BENCH_LOOKUPS_H
#define CF_BENCH_LOOKUPS_H
#include <stdint.h>
#include <sys/types.h>

typedef struct cf_lookups cf_lookups;

/* Counts nothing yet. */
cf_lookups *cf_lookups_new(void);
void cf_lookups_destroy(cf_lookups **lookups);
/* Counts what all threads of the process do from this call on, those that it has and those that it
 * makes, and the processes that it makes. Where that isn't allowed, the count stays 0. */
void cf_lookups_add(cf_lookups *lookups, pid_t process);
uint64_t cf_lookups_read(const cf_lookups *lookups);

#endif
