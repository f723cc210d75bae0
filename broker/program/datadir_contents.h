/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in a data directory: all of a broker, parts of one, or nothing. */
#ifndef CF_BROKER_PROGRAM_DATADIR_CONTENTS_H
#define CF_BROKER_PROGRAM_DATADIR_CONTENTS_H
#include "broker/program/datadir.h"

/* Of a broker, by its bit. */
enum { CF_DATADIR_KEY = 1, CF_DATADIR_STORE = 2, CF_DATADIR_BLOBS = 4, CF_DATADIR_MAKING = 8 };

typedef struct {
    unsigned parts;
    bool has_mended;       /* store.mended */
    bool has_stray_making; /* beside a store that was finished: with blobs it counts for nothing */
    bool has_ballast;
    char other[100]; /* a name that is none of a broker's */
} cf_datadir_contents;

cf_status cf_datadir_look(const cf_env *env, const cf_folder *folder, cf_datadir_contents *out,
                          cf_error *error);
/* Nothing of a broker, or one that was never finished, of which nobody knows. */
bool cf_datadir_is_unmade(const cf_datadir_contents *found);
cf_status cf_datadir_check_contents(const cf_datadir_contents *found, cf_datadir_way way,
                                    cf_error *error);

#endif
