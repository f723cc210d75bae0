/* SPDX-License-Identifier: Apache-2.0 */
/* What an exchange or a step aside brought into the temporary folder: what the base had, which may
 * go, or something that a user saved in the last moment, which returns. */
#ifndef CF_PEER_BINDINGS_DISPLACED_H
#define CF_PEER_BINDINGS_DISPLACED_H
#include "broker/platform/files.h"
#include "codec/limits.h"
#include "peer/merge/node.h"

/* Where it is, and where it stood. */
typedef struct {
    cf_files *files;
    const cf_folder *temporary;
    cf_bytes temporary_name;
    const cf_folder *folder;
    cf_bytes name;
} cf_displaced;

/* What can't be asked of a disk that fails is neither true nor false: these three fail then, and
 * write false; nothing may be concluded from that but to leave, or bring back, what is there. */

/* What stands there is the file that this stat is of, with its bytes as far as a stat can tell, and
 * nobody is writing. */
cf_status cf_displaced_holds(const cf_displaced *displaced, const cf_node_stat *stat, bool *holds,
                             cf_error *error);
/* It has the bytes that the base's node had, as far as a stat can tell, and nobody is writing. */
cf_status cf_displaced_is_base(const cf_displaced *displaced, const cf_node *node, bool *is,
                               cf_error *error);
/* It is read: the file, or link, has the bytes that the node has. */
cf_status cf_displaced_has_content(cf_files *files, const cf_folder *folder, cf_bytes name,
                                   const cf_node *node, bool *has, cf_error *error);

/* Brings it back to its place, or, if something stands there, under a free name beside, durably:
 * nothing that a user saved is dropped. A failure leaves it in the temporary folder. */
cf_status cf_displaced_return(const cf_displaced *displaced, cf_error *error);

/* The two change places: what lies in the temporary folder, and what stands at its place; `ours` is
 * the one of them that the program made. Where the file system can't do that in one step, what
 * stands there goes aside first, into the temporary folder, under a name of its own: a crash in
 * between, or a failing disk, may leave its place empty until cf_displaced_finish. After a failure
 * all is as it was, unless it is torn. */
cf_status cf_displaced_swap(const cf_displaced *displaced, const cf_node_stat *ours,
                            cf_error *error);
/* A swap was cut short, or nobody can tell: nothing may be concluded from what stands there. */
bool cf_displaced_is_torn(const cf_displaced *displaced);
/* Undoes a swap that was cut short, or, once the place is taken, finishes it (`*swapped`): what a
 * user has put there meanwhile stays, and what is ours gives way to it. CF_CHANGED: he has, and
 * neither of the others is known as ours: all stays as it is. `ours` may be NULL. */
cf_status cf_displaced_finish(const cf_displaced *displaced, const cf_node_stat *ours,
                              bool *swapped, cf_error *error);
enum { CF_SWAPPED_NAME = CF_NAME_MAX + 1 };
/* The name in the temporary folder under which something stands aside during a swap: NAME.old. */
cf_bytes cf_displaced_aside(const cf_displaced *displaced, char room[CF_SWAPPED_NAME]);

/* The same as cf_displaced_return for what was exchanged for our own file, which is `ours` and now
 * stands in its place: the two change places again. If a user has put something newer there, that
 * stays. */
cf_status cf_displaced_exchange(const cf_displaced *displaced, const cf_node_stat *ours,
                                cf_error *error);

#endif
