/* SPDX-License-Identifier: Apache-2.0 */
/* `--base-dir` of `add` and `set`: whether the base of a source may lie in a folder, the mark that
 * it gets there, and how that is told. */
#ifndef CF_PEER_COMMANDS_BASE_DIR_H
#define CF_PEER_COMMANDS_BASE_DIR_H
#include "peer/program/verb.h"

/* Who is to have its base there. */
typedef struct {
    const cf_binding *binding; /* NULL: it is being added */
    const char *path;
    cf_base_kept base;
} cf_base_owner;

/* What the user said: `*said`, if anything, and the folder, absolute and in the arena; NULL: the
 * home. CF_USAGE: it can't be there: it lies in a source, or in the home, or is another source's.
 * CF_UNSAFE: another home's base lies there, and nobody said --yes. Nothing is made. */
cf_status cf_base_dir_choose(const cf_run *run, const cf_base_owner *owner, cf_arena *arena,
                             bool *said, const char **dir, cf_error *error);
/* Makes the place in it, with a new mark; the caller releases it. */
cf_status cf_base_dir_make(const cf_run *run, const char *path, const char *dir, cf_base_place *out,
                           cf_error *error);
/* Takes the place away, where it is one; says what can't be. */
void cf_base_dir_leave(const cf_env *env, const cf_output *output, const cf_base_place *place);

/* Where the base lies, for people, with `before` before it, and whether anything can be kept there;
 * nothing where it lies in the home. And as JSON: {path, state}, or null. */
void cf_base_dir_print(const cf_env *env, const cf_output *output, const char *before,
                       const cf_binding *binding);
json_t *cf_base_dir_json(const cf_env *env, const cf_binding *binding);

#endif
