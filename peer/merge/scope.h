/* SPDX-License-Identifier: Apache-2.0 */
/* A scope: which of the things that a view shows are asked for in one source, by the paths under
 * which they are shown. Works out each directory's way once. Lives as long as the view stays as it
 * is; not thread-safe. */
#ifndef CF_PEER_MERGE_SCOPE_H
#define CF_PEER_MERGE_SCOPE_H
#include "peer/merge/files_include.h"
#include "peer/merge/view.h"

typedef struct cf_scope cf_scope;

/* NULL: everything is asked for, and costs nothing; all below take that. Borrows both. */
cf_scope *cf_scope_new(cf_view *view, const cf_include *include);
void cf_scope_destroy(cf_scope **scope);

/* Of what is shown in this directory. CF_INCLUDE_PASS: a directory that is asked for if it leads to
 * something. */
cf_include_answer cf_scope_answer(cf_scope *scope, const cf_id *directory, const cf_shown *shown);
/* Of the directory itself; one that is not shown is out, the root is passed. */
cf_include_answer cf_scope_of_directory(cf_scope *scope, const cf_id *directory);
/* The directory is asked for, or something that is shown below it.
 *
 *     pattern "d/a": d is passed; if d/a is shown, d leads to it, and is made; an empty d, or one
 *     with d/b alone, does not */
bool cf_scope_leads(cf_scope *scope, const cf_id *directory);
/* In which directory this one is shown; false: in none, or it is the root. */
bool cf_scope_above(cf_scope *scope, const cf_id *directory, cf_id *above);

#endif
