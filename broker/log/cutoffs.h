/* SPDX-License-Identifier: Apache-2.0 */
/* Cutoffs: which of a device's entries in a collection are among the heads that a limit names, or
 * in their past. Worked out from the store when it is first asked, from the heads down to the
 * oldest entry that may be beyond; a bit is kept for each position in between. Owned by a log. */
#ifndef CF_BROKER_LOG_CUTOFFS_H
#define CF_BROKER_LOG_CUTOFFS_H
#include "broker/members/registry.h"
#include "broker/store/store.h"

typedef struct cf_cutoffs cf_cutoffs;

/* Both are borrowed, and outlive it. */
cf_cutoffs *cf_cutoffs_new(cf_store *store, const cf_hash *user);
void cf_cutoffs_destroy(cf_cutoffs **cutoffs);
/* To be called when an entry of a device with limits, or of the member log, was committed. */
void cf_cutoffs_forget(cf_cutoffs *cutoffs);

/* Whether the limit, which is about the entry's author, leaves this entry; it is committed. */
cf_status cf_cutoffs_leave(cf_cutoffs *cutoffs, const cf_limit *limit, const cf_entry *entry,
                           bool *left, cf_error *error);

/* The ends of a device's branches (NULL: of all devices'), with what the newest entry says. */
typedef bool cf_end_visit(void *context, const cf_head *head, const cf_entry *entry);
cf_status cf_device_ends(cf_store *store, const cf_hash *user, const cf_hash *device,
                         cf_end_visit *visit, void *context, cf_error *error);

#endif
