/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/base_dir.h"

#include "peer/bindings/base_copying.h"
#include "peer/commands/sources.h"

#include <stdlib.h>
#include <string.h>

/* ---- May it lie there ---- */

static cf_status check_home(const cf_run *run, const char *dir, cf_error *error)
{
    cf_buffer home = {0};

    cf_status status = cf_run_path(run, cf_loop_home_path(run->loop), &home, error);
    if (!status && cf_path_is_in(dir, (const char *)home.data))
        status =
            cf_fail(error, CF_USAGE, "%s lies in the home %s, where the base is without --base-dir",
                    dir, (const char *)home.data);
    cf_buffer_release(&home);
    return status;
}

/* What lies in a source is synced; and each folder is one source's, so that it can be cleaned up
 * without a look at the others. */
static cf_status check_sources(const cf_run *run, const cf_base_owner *owner, const char *dir,
                               cf_error *error)
{
    const cf_engine *engine = cf_loop_engine(run->loop);

    if (cf_path_is_in(dir, owner->path))
        return cf_fail(error, CF_USAGE, "%s lies in the source %s: its base must lie outside", dir,
                       owner->path);
    for (size_t i = 0; i < cf_engine_binding_count(engine); i++) {
        const cf_binding *other = cf_engine_binding_at(engine, i);

        if (cf_path_is_in(dir, other->path))
            return cf_fail(error, CF_USAGE, "%s lies in the source %s: a base must lie outside",
                           dir, other->path);
        if (other != owner->binding && other->place.dir && strcmp(other->place.dir, dir) == 0)
            return cf_fail(error, CF_USAGE,
                           "the base of %s lies in %s: each source takes a folder of its own",
                           other->path, dir);
    }
    return CF_OK;
}

/* Also what another verb is about to move there has its mark already. */
static cf_status check_mark(const cf_run *run, const char *path, const char *dir, cf_error *error)
{
    const cf_hash *self = cf_peer_device(cf_loop_peer(run->loop));
    cf_arena arena = {0};
    cf_base_mark mark;

    cf_status status = cf_base_place_look(cf_loop_env(run->loop)->files, dir, &arena, &mark, error);
    if (cf_options_has(&run->options, "yes") && (!status || status == CF_MALFORMED))
        status = CF_OK;
    else if (status == CF_MALFORMED)
        status = cf_fail(error, CF_UNSAFE,
                         "in %s lies a base whose mark can't be read: --yes takes it over", dir);
    else if (!status && !cf_hash_equal(&mark.device, self))
        status = cf_fail(error, CF_UNSAFE,
                         "in %s lies the base of %s, of the home %s of another device: --yes takes "
                         "it over",
                         dir, mark.source, mark.home);
    else if (!status && strcmp(mark.source, path) != 0 &&
             cf_source_at(cf_loop_engine(run->loop), mark.source))
        status = cf_fail(error, CF_UNSAFE,
                         "in %s lies the base of %s, or comes there: each source takes a folder of "
                         "its own; --yes takes it over",
                         dir, mark.source);
    cf_arena_release(&arena);
    return status == CF_MISSING ? CF_OK : status;
}

cf_status cf_base_dir_choose(const cf_run *run, const cf_base_owner *owner, cf_arena *arena,
                             bool *said, const char **dir, cf_error *error)
{
    const char *text = cf_options_value(&run->options, "base-dir");
    cf_buffer path = {0};

    *said = text != NULL;
    *dir = NULL;
    if (!text || strcmp(text, "default") == 0)
        return CF_OK;
    if (owner->base == CF_BASE_LEAVES)
        return cf_fail(error, CF_USAGE,
                       "--base-dir does not go with --base leaves, which keeps no copies");
    cf_status status = cf_run_path(run, text, &path, error);
    if (!status)
        *dir = cf_arena_text(arena, cf_bytes_of(path.data, path.size - 1));
    cf_buffer_release(&path);
    if (!status)
        status = check_home(run, *dir, error);
    if (!status)
        status = check_sources(run, owner, *dir, error);
    return status ? status : check_mark(run, owner->path, *dir, error);
}

/* ---- Its mark ---- */

cf_status cf_base_dir_make(const cf_run *run, const char *path, const char *dir, cf_base_place *out,
                           cf_error *error)
{
    const cf_env *env = cf_loop_env(run->loop);
    cf_base_mark mark = {.device = *cf_peer_device(cf_loop_peer(run->loop)),
                         .home = cf_loop_home_path(run->loop),
                         .source = path};

    env->random(env->context, mark.id.bytes, CF_ID_SIZE);
    cf_status status = cf_base_place_make(env->files, dir, &mark, error);
    if (status) {
        cf_error_while(error, "--base-dir %s", dir);
        return status;
    }
    char *text = cf_text_copy(dir);
    *out = (cf_base_place){text, mark.id};
    return CF_OK;
}

void cf_base_dir_leave(const cf_env *env, const cf_output *output, const cf_base_place *place)
{
    cf_error error;

    if (!place->dir)
        return;
    cf_status status = cf_base_place_remove(env->files, place, &error);
    if (status == CF_CHANGED)
        cf_say(output,
               "%s, where its base lay, %s: what lies on that disk stays, in " CF_BASE_FOLDER,
               place->dir, error.text);
    else if (status)
        cf_say(output, "%s, where its base lay: %s", place->dir, error.text);
}

/* ---- How it is told ---- */

typedef enum {
    STATE_KEPT,
    STATE_FULL,
    STATE_READ_ONLY,
    STATE_AWAY,
} state;

static state state_of(const cf_env *env, const cf_binding *binding)
{
    cf_files *files = env->files;
    cf_folder *folder = NULL;
    cf_filesystem system = {0};
    uint64_t room, whole;
    cf_error ignored;
    state now = STATE_KEPT;

    if (binding->silence || cf_base_place_open(files, &binding->place, &folder, &ignored))
        return STATE_AWAY;
    if (files->filesystem(files, folder, &system, &ignored) == CF_OK && system.is_read_only)
        now = STATE_READ_ONLY;
    else if (files->free_bytes(files, folder, &room, &whole, &ignored) == CF_OK &&
             room < cf_base_room_left(true, whole))
        now = STATE_FULL;
    files->close_folder(files, &folder);
    return now;
}

void cf_base_dir_print(const cf_env *env, const cf_output *output, const char *before,
                       const cf_binding *binding)
{
    static const char *const texts[] = {
        [STATE_KEPT] = "",
        [STATE_FULL] = ", which is full: what changes is not copied there",
        [STATE_READ_ONLY] = ", which can't be written to: what changes is not copied there",
        [STATE_AWAY] = ", which is away"};

    if (binding->place.dir)
        cf_print(output, "%sits base lies in %s%s\n", before, binding->place.dir,
                 texts[state_of(env, binding)]);
}

json_t *cf_base_dir_json(const cf_env *env, const cf_binding *binding)
{
    static const char *const names[] = {[STATE_KEPT] = "kept",
                                        [STATE_FULL] = "full",
                                        [STATE_READ_ONLY] = "read-only",
                                        [STATE_AWAY] = "away"};

    if (!binding->place.dir)
        return json_null();
    return json_pack("{s:o, s:s}", "path", cf_json_name(cf_bytes_of_text(binding->place.dir)),
                     "state", names[state_of(env, binding)]);
}
