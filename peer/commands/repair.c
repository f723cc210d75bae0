/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/files_root.h"
#include "peer/commands/sources.h"
#include "peer/log/inspection.h"
#include "peer/sources/files/owed.h"
#include "peer/log/refold.h"
#include "peer/program/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    cf_run *run;
    cf_peer *peer;
    cf_records records; /* of the bases, to be dropped */
    size_t mended, lost;
    bool state_damaged;
} repair;

/* ---- What is damaged ---- */

static void note(void *context, const cf_damage *damage)
{
    repair *self = context;
    cf_files *files = cf_loop_env(self->run->loop)->files;
    cf_error ignored;

    cf_say(&self->run->output, "%s", damage->what);
    switch (damage->kind) {
    case CF_DAMAGE_STORE:
        self->lost++;
        return;
    case CF_DAMAGE_STATE:
        self->state_damaged = true;
        break;
    case CF_DAMAGE_BASE:
        cf_records_delete(&self->records, damage->key);
        break;
    case CF_DAMAGE_CACHE:
        files->unlink(files, cf_home_base(self->peer->home), damage->key, &ignored);
        break;
    }
    self->mended++;
}

static cf_status fold_again(repair *self, cf_error *error)
{
    static const cf_table_letter tables[] = {CF_TABLE_ITEM, CF_TABLE_CONTENT, CF_TABLE_WAITING};
    cf_refolded refolded = {0};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < sizeof tables / sizeof tables[0]; i++)
        status = cf_table_clear(self->peer, tables[i], error);
    if (!status)
        status = cf_refold(self->peer, true, &refolded, error);
    cf_refolded_release(&refolded);
    return status;
}

static cf_status write_records(repair *self, cf_error *error)
{
    cf_store *store = cf_home_store(self->peer->home);

    return store->write(store, cf_peer_user(self->peer), self->records.at, self->records.count,
                        true, error);
}

static cf_status mend(repair *self, cf_error *error)
{
    const cf_env *env = cf_loop_env(self->run->loop);
    cf_home *home = cf_loop_home(self->run->loop);

    cf_status status = cf_inspect_store(home, note, self, error);
    if (!status)
        status = cf_inspect_open(env, home, note, self, &self->peer, error);
    if (status || !self->peer)
        return status;
    status = cf_inspect(self->peer, note, self, error);

    if (!status && self->state_damaged)
        status = fold_again(self, error);
    if (!status)
        status = write_records(self, error);
    return status;
}

/* ---- An emptied or replaced source ---- */

static bool drop_key(void *context, cf_bytes key, cf_bytes value)
{
    (void)value;
    cf_records_delete(context, key);
    return true;
}

/* What the base says was on the disk is forgotten, so that none of it counts as deleted. */
static cf_status forget_base(repair *self, const cf_binding *binding, cf_error *error)
{
    static const cf_table_letter tables[] = {
        CF_TABLE_NODE,   CF_TABLE_ROW,  CF_TABLE_PLACE,  CF_TABLE_INTENT,  CF_TABLE_DATABASE,
        CF_TABLE_AGREED, CF_TABLE_HELD, CF_TABLE_HIDDEN, CF_TABLE_REFUSED, CF_TABLE_WAITED};
    cf_store *store = cf_home_store(self->peer->home);
    cf_arena arena = {0};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < sizeof tables / sizeof tables[0]; i++)
        status = store->scan(store, cf_peer_user(self->peer),
                             cf_key_source(&arena, tables[i], binding->number), drop_key,
                             &self->records, error);
    cf_arena_release(&arena);
    return status;
}

static cf_status make_root(repair *self, cf_binding *binding, cf_error *error)
{
    cf_files *files = self->peer->env->files;
    cf_folder *root = NULL;

    if (mkdir(binding->path, 0777) && errno != EEXIST)
        return cf_fail_errno(error, errno, "making %s", binding->path);
    self->peer->env->random(self->peer->env->context, binding->instance.bytes, CF_ID_SIZE);
    cf_status status = files->open_root(files, binding->path, &root, error);
    if (!status)
        status = cf_root_remove(files, root, error);
    if (!status)
        status = cf_root_make(files, root, &binding->instance, error);
    files->close_folder(files, &root);
    return status;
}

static cf_binding *find_binding(cf_binding **bindings, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(bindings[i]->path, path) == 0)
            return bindings[i];
    return NULL;
}

static cf_status refill_one(repair *self, cf_binding *binding, cf_error *error)
{
    cf_status status = cf_owed_check(binding, error);

    if (!status)
        status = forget_base(self, binding, error);
    if (!status && cf_binding_is_folder(binding))
        status = make_root(self, binding, error);
    if (!status) {
        cf_binding_put(binding, &self->records);
        status = write_records(self, error);
    }
    if (!status && !self->run->quiet)
        cf_say(&self->run->output, "%s is filled again by the next sync", binding->path);
    return status;
}

static cf_status refill(repair *self, const char *name, cf_error *error)
{
    cf_binding **bindings = NULL;
    cf_buffer path = {0};
    size_t count = 0;

    cf_status status = cf_run_path(self->run, name, &path, error);
    if (!status)
        status = cf_bindings_load(self->peer, &bindings, &count, error);
    if (!status) {
        cf_binding *binding = find_binding(bindings, count, (const char *)path.data);

        status = binding ? refill_one(self, binding, error)
                         : cf_fail(error, CF_MISSING,
                                   "%s is no source: `counterfoil collections` lists them", name);
    }
    for (size_t i = 0; i < count; i++)
        cf_binding_destroy(&bindings[i], self->peer->env->files);
    free(bindings);
    cf_buffer_release(&path);
    return status;
}

/* ---- The verb ---- */

static cf_status work(repair *self, cf_error *error)
{
    const cf_options *options = &self->run->options;
    cf_status status = mend(self, error);

    cf_records_release(&self->records);
    if (!status && self->peer && options->argument_count)
        status = refill(self, options->arguments[0], error);
    return status;
}

static void show(const repair *self)
{
    if (self->run->json)
        cf_print_json(&self->run->output,
                      json_pack("{s:I, s:I}", "mended", (json_int_t)self->mended, "lost",
                                (json_int_t)self->lost));
    else if (self->mended || self->lost)
        cf_print(&self->run->output, "%zu mended, %zu that can't be\n", self->mended, self->lost);
    else if (!self->run->quiet)
        cf_print(&self->run->output, "nothing was damaged\n");
    if (self->lost)
        cf_say(&self->run->output, "make a new home and let it join: the other devices and the "
                                   "broker have the log");
}

static cf_status start(cf_run *run, cf_error *error)
{
    repair self = {.run = run};
    bool had_engine = cf_loop_engine(run->loop) != NULL;
    cf_error reopening;

    cf_status status = cf_run_check_count(run, 0, 1, error);
    if (!status && (run->options.argument_count == 1) != cf_options_has(&run->options, "refill"))
        status = cf_fail(error, CF_USAGE, "usage: counterfoil %s", run->verb->usage);
    if (status)
        return status;
    cf_loop_close_engine(run->loop, run);
    status = work(&self, error);
    cf_records_release(&self.records);
    cf_peer_close(&self.peer);
    if (had_engine && cf_loop_open_engine(run->loop, &reopening))
        cf_say(&run->output, "%s", reopening.text);
    if (status)
        return status;
    show(&self);
    if (self.lost)
        run->exit_code = cf_status_exit_code(CF_BROKEN);
    return CF_OK;
}

static const cf_option options_of_repair[] = {
    {"refill", 0, NULL, "SOURCE was emptied or replaced: fill it again"},
    {0},
};

const cf_verb cf_verb_repair = {
    .name = "repair",
    .usage = "repair [SOURCE --refill]",
    .summary = "Mends from the log what is damaged here; fills an emptied source again",
    .needs = CF_NEEDS_HOME,
    .options = options_of_repair,
    .start = start,
};
