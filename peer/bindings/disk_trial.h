/* SPDX-License-Identifier: Apache-2.0 */
/* What a disk keeps, learned by trying it, with files of our own in the source's temporary folder.
 * On the thread that works there. */
#ifndef CF_PEER_BINDINGS_DISK_TRIAL_H
#define CF_PEER_BINDINGS_DISK_TRIAL_H
#include "peer/bindings/disk_traits.h"

/* Tries it with files of its own in `temporary`, which are gone afterwards; those that a crash left
 * there, too. What the disk says that it doesn't do, or doesn't show afterwards, is not kept; any
 * other failure three times is no answer, and the trial's: make it again. */
cf_status cf_disk_try(cf_files *files, const cf_folder *temporary, cf_disk_traits *out,
                      cf_error *error);

/* Whether a thing that is made under this name may be listed under another one; if so, that is
 * tried with a file in `temporary`, gone afterwards. Where it can't be tried, the name is kept. */
bool cf_disk_changes_name(const cf_disk_traits *traits, cf_files *files, const cf_folder *temporary,
                          cf_bytes name);

/* Something could not be made under this name: whether that is for the name, which is tried with a
 * file in `temporary`, too. `*error` is of the failure, its number still known. */
bool cf_disk_refuses_name(cf_files *files, const cf_folder *temporary, cf_bytes name,
                          const cf_error *error);

/* Whether a file in `temporary` may have so many bytes, tried with one; true where that can't be
 * tried. */
bool cf_disk_takes_size(cf_files *files, const cf_folder *temporary, uint64_t size);

/* What was to become a file of `size` bytes couldn't be written. If the disk said that something
 * was too large, the error says what, and where it is the file itself (which is tried with one in
 * `temporary`), the traits remember it. False: they don't. */
bool cf_disk_explain_size(cf_files *files, const cf_folder *temporary, uint64_t size,
                          cf_disk_traits *traits, cf_error *error);

#endif
