/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in a folder of a disk that takes several spellings for one name. There a name that is
 * looked for is found under another spelling, too; what it is called, only a listing tells.
 *
 *     the folder lists `Case`: a stat of `cASE` finds it, and it is not called so */
#ifndef CF_PEER_ADAPTERS_SPELLINGS_H
#define CF_PEER_ADAPTERS_SPELLINGS_H
#include "broker/platform/files.h"

/* But for the case of letters of ASCII. */
uint8_t cf_spelling_lower(uint8_t letter);
bool cf_spelling_alike(cf_bytes a, cf_bytes b);

/* {0} is empty. */
typedef struct {
    cf_files *files;
    const cf_folder *folder; /* borrowed */
    cf_arena arena;
    cf_folder_names names; /* in order */
} cf_spellings;

cf_status cf_spellings_list(cf_files *files, const cf_folder *folder, cf_spellings *out,
                            cf_error *error);
void cf_spellings_release(cf_spellings *spellings);

/* Something is called just so. */
bool cf_spellings_have(const cf_spellings *spellings, cf_bytes name);
/* How that is spelled which stands at `name`; {0}: nothing does, or it can't be told. Lives as long
 * as they do. */
cf_bytes cf_spellings_of(const cf_spellings *spellings, cf_bytes name);

#endif
