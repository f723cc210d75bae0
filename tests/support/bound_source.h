/* SPDX-License-Identifier: Apache-2.0 */
/* What a user binds on a device that runs, as `counterfoil add` does. What fails ends the program.
 */
#ifndef CF_TESTS_BOUND_SOURCE_H
#define CF_TESTS_BOUND_SOURCE_H
#include "peer/engine/engine.h"

typedef struct {
    cf_binding_options options;
    const char *collection; /* by this name in the user's ring; NULL: as the options have it */
    const cf_id *instance;  /* with which the folder at the path is marked; NULL: it is a file */
    cf_files *files;        /* that do it */
    unsigned meets;         /* of cf_meets */
} bound_source;

cf_binding *bind_source(cf_engine *engine, const bound_source *what);

cf_id collection_named(cf_engine *engine, const char *name);
/* The folder is a source's from now on, by this mark. */
void mark_source(cf_files *files, const char *path, const cf_id *instance);

/* NULL: there is none of that number. */
cf_binding *source_numbered(cf_engine *engine, uint32_t number);

#endif
