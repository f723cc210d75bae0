/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/deletion_ages.h"
#include "peer/bindings/files_root.h"
#include "peer/commands/disk_answers.h"
#include "peer/commands/overview.h"
#include "peer/commands/refill.h"
#include "peer/commands/sources.h"
#include "peer/bindings/base.h"
#include "peer/bindings/inspection.h"
#include "peer/bindings/rescued.h"
#include "peer/log/refold.h"
#include "peer/sources/records/record_source.h"
#include "peer/commands/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    cf_run *run;
    cf_peer *peer;
    cf_kv_list records; /* of the bases, to be dropped */
    size_t mended, lost;
    bool state_damaged;
    size_t kept;      /* things that were put aside */
    cf_id collection; /* of what is filled */
} repair;

/* ---- What is damaged ---- */

static void drop_copy(const repair *self, const cf_base_place *place, cf_bytes name)
{
    const cf_env *env = cf_loop_env(self->run->loop);
    const cf_base_cache cache = {env, self->peer->home, place};
    cf_hold hold = {0};
    cf_error ignored;

    if (cf_base_hold(&cache, &hold, &ignored))
        return;
    env->files->unlink(env->files, hold.folder, name, &ignored);
    cf_hold_release(&hold, env->files);
}

static void note(void *context, const cf_damage *damage)
{
    repair *self = context;
    cf_say(&self->run->output, "%s", damage->what);
    switch (damage->kind) {
    case CF_DAMAGE_STORE:
        self->lost++;
        return;
    case CF_DAMAGE_STATE:
        self->state_damaged = true;
        break;
    case CF_DAMAGE_ENDED:
        break;
    case CF_DAMAGE_BASE:
        cf_kv_list_delete(&self->records, damage->key);
        break;
    case CF_DAMAGE_CACHE:
        drop_copy(self, damage->place, damage->key);
        break;
    case CF_DAMAGE_AWAY:
        return;
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
    cf_kv_list_delete(context, key);
    return true;
}

/* What the base says was on the disk is forgotten, so that none of it counts as deleted. */
static cf_status forget_base(repair *self, cf_binding *binding, cf_error *error)
{
    static const cf_table_letter tables[] = {CF_TABLE_NODE,   CF_TABLE_ROW,      CF_TABLE_PLACE,
                                             CF_TABLE_INTENT, CF_TABLE_DATABASE, CF_TABLE_AGREED,
                                             CF_TABLE_HELD,   CF_TABLE_HIDDEN,   CF_TABLE_REFUSED,
                                             CF_TABLE_WAITED, CF_TABLE_GUARDED,  CF_TABLE_ENDED};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < sizeof tables / sizeof tables[0]; i++)
        status = cf_binding_scan(self->peer, binding, tables[i], drop_key, &self->records, error);
    cf_nodes_destroy(&binding->nodes);
    binding->nodes = cf_nodes_new();
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

/* A database that isn't there is made first: it is filled as one that lost all rows. */
static cf_status make_missing(const repair *self, const cf_binding *binding, cf_error *error)
{
    struct stat found;

    if (cf_adapter_of(binding->format)->storage != CF_STORAGE_DATABASE ||
        stat(binding->path, &found) == 0 || errno != ENOENT)
        return CF_OK;
    const cf_binding_options source = {
        .collection = binding->collection, .path = binding->path, .format = binding->format};
    cf_status status = cf_record_source_make(self->peer, &source, false, error);
    if (!status)
        cf_say(&self->run->output,
               "%s is made, with the tables that the collection's first one has", binding->path);
    return status;
}

/* Nothing comes to it from the log: what is held would only be forgotten. */
static cf_status refuse_sender(const cf_binding *binding, cf_error *error)
{
    char typed[CF_PATH_TYPED];

    cf_binding_path_typed(binding, typed);
    return cf_fail(error, CF_USAGE,
                   "it only sends, so nothing is brought back to it: put back what is missing, or "
                   "`counterfoil sync %s --yes` lets it go; to have it filled, `counterfoil set %s "
                   "--mode both` first",
                   typed, typed);
}

/* What of the base the log has no more: it was deleted elsewhere, and held here. */
static cf_status say_deleted(const repair *self, const cf_binding *binding, cf_error *error)
{
    const cf_nodes *nodes = binding->nodes;
    cf_collection *collection;
    cf_arena arena = {0};
    char typed[CF_PATH_TYPED];
    size_t deleted = 0;

    cf_status status = cf_peer_collection(self->peer, &binding->collection, &collection, error);
    if (status)
        return status;
    for (const cf_node *node = NULL; (node = cf_nodes_next(nodes, node));)
        deleted += cf_deletion_is_known(collection->view, node, &arena);
    if (deleted)
        cf_say(&self->run->output,
               "%zu of %zu items were deleted elsewhere, and are not brought back: `counterfoil "
               "log %s` names them",
               deleted, cf_nodes_count(nodes), cf_binding_path_typed(binding, typed));
    cf_arena_release(&arena);
    return CF_OK;
}

static cf_status refill_one(repair *self, cf_binding *binding, cf_error *error)
{
    const cf_refill refill = {self->run, self->peer, binding, &self->records};
    cf_status status = cf_rescued_check(binding, error);

    if (!status && binding->is_image)
        status = cf_fail(error, CF_USAGE,
                         "%s can't be written to, and so not filled: `counterfoil remove` it and "
                         "add it again to send what lies there",
                         binding->path);
    if (!status && binding->mode == CF_MODE_SEND)
        status = refuse_sender(binding, error);
    if (!status)
        status = make_missing(self, binding, error);
    if (!status)
        status = say_deleted(self, binding, error);
    if (!status)
        status = forget_base(self, binding, error);
    if (!status && cf_binding_is_folder(binding))
        status = make_root(self, binding, error);
    if (!status)
        status = cf_refill_put_aside(&refill, &self->kept, error);
    if (!status) {
        cf_binding_put(binding, &self->records);
        status = write_records(self, error);
    }
    self->collection = binding->collection;
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
    cf_binding *binding = status ? NULL : find_binding(bindings, count, (const char *)path.data);
    if (!status && !binding)
        status = cf_source_of_name(self->peer, bindings, count, name, &binding, error);
    if (!status)
        status = refill_one(self, binding, error);
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

    cf_kv_list_release(&self->records);
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

/* ---- Until it is filled ---- */

enum { LOOK_AGAIN_MS = 250 };

typedef struct {
    cf_arena arena;
    cf_id collection;
    cf_round *round;
    size_t mended, kept;
    uint64_t timeout_ms, give_up_ms;
} filling;

static cf_status begin_filling(cf_run *run, const repair *done, cf_error *error)
{
    filling *self = cf_allocate(1, sizeof *self);
    cf_status status = CF_OK;

    run->state = self;
    self->collection = done->collection;
    self->mended = done->mended;
    self->kept = done->kept;
    status = cf_run_timeout(run, &self->timeout_ms, error);
    if (!status && !cf_loop_engine(run->loop))
        status = cf_loop_open_engine(run->loop, error);
    if (status)
        return status;
    run->connects = true;
    self->give_up_ms = cf_loop_now(run->loop) + self->timeout_ms;
    self->round = cf_round_begin(cf_loop_engine(run->loop),
                                 &(cf_round_options){.kind = CF_ROUND_SYNC,
                                                     .collections = &self->collection,
                                                     .collection_count = 1,
                                                     .word = cf_delete_word_all(),
                                                     .patience_ms = self->timeout_ms});
    cf_loop_wake(run->loop);
    return CF_OK;
}

static cf_status show_filled(cf_run *run, filling *self, bool gave_up, cf_error *error)
{
    cf_overview overview;

    cf_status status = cf_overview_take(
        run, &(cf_overview_options){.collections = &self->collection, .collection_count = 1},
        &self->arena, &overview, error);
    if (status)
        return status;
    if (gave_up && !overview.broker.trouble) {
        overview.broker.trouble = CF_UNREACHABLE;
        snprintf(overview.broker.text, sizeof overview.broker.text, "no answer from the broker");
    }
    cf_exit_standing standing = cf_overview_standing(&overview, true);
    if (run->json) {
        json_t *document = cf_overview_json(&overview, cf_loop_peer(run->loop));

        json_object_set_new(document, "mended", json_integer((json_int_t)self->mended));
        json_object_set_new(document, "kept", json_integer((json_int_t)self->kept));
        cf_print_json(&run->output, document);
    } else if (run->quiet) {
        cf_overview_say(&overview, &run->output);
    } else {
        cf_overview_print(&overview, cf_loop_peer(run->loop), &run->output);
    }
    run->exit_code = cf_exit_standing_exit_code(&standing);
    return CF_OK;
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    filling *self = run->state;

    if (!self)
        return CF_OK;
    const cf_link *link = cf_engine_link(cf_loop_engine(run->loop));
    bool gave_up = link && !cf_link_is_connected(link) && now_ms >= self->give_up_ms;
    progress->over = gave_up || cf_round_over(self->round, now_ms);
    progress->deadline_ms = now_ms + LOOK_AGAIN_MS;
    return progress->over ? show_filled(run, self, gave_up, error) : CF_OK;
}

static void end(cf_run *run)
{
    filling *self = run->state;

    if (!self)
        return;
    cf_round_end(&self->round);
    cf_arena_release(&self->arena);
    free(self);
}

static cf_status start(cf_run *run, cf_error *error)
{
    repair self = {.run = run};
    bool had_engine = cf_loop_engine(run->loop) != NULL;
    bool refills = cf_options_has(&run->options, "refill");
    cf_error reopening;

    cf_status status = cf_run_check_count(run, 0, 1, error);
    if (!status && !refills && run->options.argument_count)
        status = cf_fail(error, CF_USAGE,
                         "of a source only --refill is there, and it was not said: `counterfoil "
                         "repair %s --refill` lets the log win there, `counterfoil repair` alone "
                         "mends what is damaged",
                         run->options.arguments[0]);
    else if (!status && refills && !run->options.argument_count) {
        cf_arena arena = {0};

        status = cf_fail(error, CF_USAGE, "--refill wants a SOURCE: counterfoil %s",
                         cf_verb_usage(run->verb, &arena));
        cf_arena_release(&arena);
    }
    if (status)
        return status;
    cf_loop_close_engine(run->loop, run);
    status = work(&self, error);
    cf_kv_list_release(&self.records);
    bool fills = !status && refills && self.peer && !self.lost;
    cf_peer_close(&self.peer);
    if (had_engine && cf_loop_open_engine(run->loop, &reopening))
        cf_say(&run->output, "%s", reopening.text);
    if (fills)
        return begin_filling(run, &self, error);
    if (status)
        return status;
    show(&self);
    if (self.lost)
        run->exit_code = cf_status_exit_code(CF_BROKEN);
    return CF_OK;
}

static const cf_option options_of_repair[] = {
    {"refill", 0, NULL, "the log wins in SOURCE: what is no version in it is put aside first"},
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {0},
};

const cf_verb cf_verb_repair = {
    .name = "repair",
    .usage = "repair [SOURCE --refill [--timeout T]]",
    .summary = "Mends from the log what is damaged here; fills a source from the log",
    .more = "What lies in SOURCE and is no version in the log goes to .counterfoil/kept/TIME/ in "
            "it first, rows as CSV; where SOURCE is one file, to kept/TIME/ in the home. It is "
            "named, and never removed by counterfoil.",
    .needs = CF_NEEDS_HOME,
    .options = options_of_repair,
    .prerequisite = &cf_disk_answers_source,
    .start = start,
    .step = step,
    .end = end,
};
