/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/times.h"
#include "peer/commands/disk_answers.h"
#include "peer/log/catalog.h"
#include "peer/commands/lockable.h"
#include "peer/sources/context/lock_guard.h"
#include "peer/commands/verbs.h"

#include <stdlib.h>

enum { DEFAULT_FOR_MS = 600000, LOOK_AGAIN_MS = 250 };
static_assert(DEFAULT_FOR_MS >= (int)CF_LEASE_FOR_MS_MIN &&
                  DEFAULT_FOR_MS <= (int)CF_LEASE_FOR_MS_MAX,
              "what isn't said may be said");

typedef struct {
    cf_arena arena;
    cf_lockable what;
    cf_id request;
    bool has_request, waits, has_timeout;
    bool is_said;    /* whose lock it waits for */
    bool is_brought; /* what is here of it went to the broker first */
    uint64_t for_ms, give_up_ms;
    uint64_t least_ms; /* of its end, where it is renewed; 0: it is not */
    cf_round *round;   /* brings here what the broker has of it */
} state;

static cf_status read_time(const cf_run *run, uint64_t *for_ms, cf_error *error)
{
    const char *given = cf_options_value(&run->options, "for");

    *for_ms = DEFAULT_FOR_MS;
    cf_status status = given ? cf_duration_read(given, for_ms, error) : CF_OK;
    if (!status && (*for_ms < CF_LEASE_FOR_MS_MIN || *for_ms > CF_LEASE_FOR_MS_MAX))
        status = cf_fail(error, CF_USAGE, "a lock is for 1s to 24h, not for %s", given);
    return status;
}

static cf_status say_own(cf_error *error)
{
    return cf_fail(error, CF_USAGE, "this device has it locked already: unlock it first");
}

/* One that this device has already is made to last. */
static cf_status ask(cf_run *run, state *self, cf_error *error)
{
    cf_locks *locks = cf_engine_locks(cf_loop_engine(run->loop));
    const cf_lock *own = cf_locks_own(locks, &self->what.collection, &self->what.item);
    cf_lock_wish wish = {.collection = self->what.collection,
                         .item = self->what.item,
                         .for_ms = self->for_ms,
                         .shared = cf_options_has(&run->options, "shared"),
                         .wait = self->waits};

    if (own && own->shared != wish.shared)
        return say_own(error);
    if (!own)
        return cf_locks_ask(locks, &wish, &self->request, error);
    self->request = own->request;
    self->least_ms = cf_loop_time(run->loop) + self->for_ms / 2;
    cf_locks_renew(locks, &self->request, self->for_ms);
    return CF_OK;
}

static cf_status start(cf_run *run, cf_error *error)
{
    state *self = cf_allocate(1, sizeof *self);
    uint64_t timeout_ms = 0;

    run->state = self;
    self->waits = cf_options_has(&run->options, "wait");
    self->has_timeout = cf_options_value(&run->options, "timeout") != NULL;
    cf_status status = cf_run_check_count(run, 1, 1, error);
    if (!status)
        status = read_time(run, &self->for_ms, error);
    if (!status)
        status = cf_run_timeout(run, &timeout_ms, error);
    if (!status)
        status =
            cf_lockable_named(run, run->options.arguments[0], &self->arena, &self->what, error);
    if (status)
        return status;
    self->give_up_ms = cf_loop_now(run->loop) + timeout_ms;
    status = ask(run, self, error);
    self->has_request = !status;
    cf_loop_wake(run->loop);
    return status;
}

static void show(const cf_run *run, const state *self, const cf_lock *lock, cf_arena *arena)
{
    char until[CF_TIME_TEXT];

    if (run->json) {
        cf_time_show(lock->until_ms, until);
        json_t *object = json_pack("{s:s, s:s, s:b}", "collection", self->what.name, "until", until,
                                   "shared", (int)lock->shared);

        if (self->what.path.size)
            json_object_set_new(object, "path", cf_json_name(self->what.path));
        cf_print_json(&run->output, object);
    } else if (!run->quiet) {
        cf_time_show_end(lock->until_ms, cf_loop_time(run->loop), until);
        cf_print(&run->output, "locked %s until %s%s\n",
                 cf_lockable_text(self->what.name, self->what.path, arena), until,
                 cf_loop_serves(run->loop)
                     ? ", and on until `counterfoil unlock`: `serve` renews it"
                     : "");
    }
}

/* "papers: locked by desk until 15:02". */
static const char *busy_text(const cf_run *run, state *self, const cf_hash *holder,
                             uint64_t until_ms)
{
    const cf_lease lease = {.holder = *holder, .until_ms = until_ms};
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "%s: %s",
                          cf_lockable_text(self->what.name, self->what.path, &self->arena),
                          cf_lock_guard_text(cf_loop_peer(run->loop), &lease, &self->arena));
    const char *copy = cf_arena_text(&self->arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return copy;
}

static cf_status say_busy(cf_run *run, state *self, const cf_hash *holder, uint64_t until_ms,
                          cf_error *error)
{
    if (cf_hash_equal(holder, cf_peer_device(cf_loop_peer(run->loop))))
        return say_own(error);
    return cf_fail(error, CF_LOCKED, "%s", busy_text(run, self, holder, until_ms));
}

/* Its turn has not come, or nobody answers. */
static cf_status await(cf_run *run, state *self, uint64_t now_ms, cf_error *error)
{
    cf_locks *locks = cf_engine_locks(cf_loop_engine(run->loop));
    const cf_lease *other = cf_locks_of_other(locks, &self->what.collection, &self->what.item);

    if (run->stopping)
        return cf_fail(error, CF_LOCKED, "stopped before it was locked");
    if (!self->waits || !other)
        return cf_lock_await(
            run, now_ms, self->waits && !self->has_timeout ? UINT64_MAX : self->give_up_ms, error);
    if (self->has_timeout && now_ms >= self->give_up_ms)
        return say_busy(run, self, &other->holder, other->until_ms, error);
    if (!self->is_said && cf_locks_are_known(locks))
        cf_say(&run->output, "%s: waiting for it",
               busy_text(run, self, &other->holder, other->until_ms));
    self->is_said |= cf_locks_are_known(locks);
    return CF_OK;
}

/* Equal with the broker, so that nothing is overlooked that others did before. */
static cf_status catch_up(cf_run *run, state *self, uint64_t now_ms, bool *over, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    bool bound = self->what.bound != NULL;

    if (!self->round)
        self->round = cf_round_begin(
            engine, &(cf_round_options){.kind = bound ? CF_ROUND_SYNC : CF_ROUND_LEARN,
                                        .collections = &self->what.collection,
                                        .collection_count = bound ? 1 : 0,
                                        .leaves_locked = true});
    *over = cf_round_over(self->round, now_ms);
    if (*over && !cf_link_is_connected(cf_engine_link(engine)))
        return cf_fail(error, CF_UNREACHABLE,
                       "it is locked, but the broker was lost before everything was here");
    return CF_OK;
}

/* What was to last longer is over, which this device did not know: broken, say. */
static cf_status ask_anew(cf_run *run, state *self, cf_error *error)
{
    cf_locks_forget(cf_engine_locks(cf_loop_engine(run->loop)), &self->request);
    self->least_ms = 0;
    cf_status status = ask(run, self, error);
    self->has_request = !status;
    cf_loop_wake(run->loop);
    return status;
}

/* The broker holds nothing of it: of a source that was just added, say. */
static cf_status bring(cf_run *run, state *self, uint64_t now_ms, cf_error *error)
{
    bool over = false;

    if (catch_up(run, self, now_ms, &over, error))
        return cf_fail(error, CF_UNREACHABLE,
                       "the broker was lost before it held what is to be locked");
    if (!over)
        return CF_OK;
    cf_round_end(&self->round);
    self->is_brought = true;
    return ask_anew(run, self, error);
}

static bool is_to_be_brought(const state *self, const cf_lock *lock)
{
    return lock->state == CF_LOCK_DENIED && lock->why.status == CF_MISSING && !self->is_brought;
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    state *self = run->state;
    const cf_lock *lock = cf_locks_find(cf_engine_locks(cf_loop_engine(run->loop)), &self->request);
    cf_status status = CF_OK;
    bool over = false;

    if ((!lock || lock->state == CF_LOCK_OVER) && self->least_ms) {
        progress->over = false;
        progress->deadline_ms = now_ms + LOOK_AGAIN_MS;
        return ask_anew(run, self, error);
    }
    if (!lock || lock->state >= CF_LOCK_ENDING)
        return cf_fail(error, CF_LOCKED, "the lock is over already");
    if (lock->state == CF_LOCK_BUSY)
        return say_busy(run, self, &lock->holder, lock->until_ms, error);
    if (lock->state == CF_LOCK_DENIED && !is_to_be_brought(self, lock)) {
        *error = lock->why;
        return lock->why.status;
    }
    if (lock->state == CF_LOCK_DENIED)
        status = bring(run, self, now_ms, error);
    else if (lock->state == CF_LOCK_ASKED || lock->until_ms < self->least_ms)
        status = await(run, self, now_ms, error);
    else
        status = catch_up(run, self, now_ms, &over, error);
    if (!status && over)
        show(run, self, lock, &self->arena);
    progress->over = over;
    progress->deadline_ms = now_ms + LOOK_AGAIN_MS;
    return status;
}

/* Who stops waiting takes its request back. */
static void end(cf_run *run)
{
    state *self = run->state;
    cf_engine *engine = cf_loop_engine(run->loop);

    if (!self)
        return;
    cf_round_end(&self->round);
    if (self->has_request && engine) {
        const cf_lock *lock = cf_locks_find(cf_engine_locks(engine), &self->request);

        if (lock && lock->state == CF_LOCK_ASKED)
            cf_locks_give_back(cf_engine_locks(engine), &self->request);
        else
            cf_locks_forget(cf_engine_locks(engine), &self->request);
        cf_loop_wake(run->loop);
    }
    cf_arena_release(&self->arena);
    free(self);
}

static const cf_option options[] = {
    {"for", 0, "T", "how long it lasts (10m); `serve` renews it while it runs"},
    {"wait", 0, NULL, "wait for its turn, first come, first served"},
    {"shared", 0, NULL, "beside others that share it"},
    {"timeout", 0, "T", "how long to wait for the broker (30s), or for the turn"},
    {0},
};

const cf_verb cf_verb_lock = {
    .name = "lock",
    .usage = "lock PATH|COLLECTION|COLLECTION//KEY",
    .summary = "Keeps others from changing a collection, or a file or folder, for a while",
    .more = "Of a collection the broker takes nothing from other devices until it is over; what "
            "they did meanwhile arrives then. Of a path the other devices take write permission "
            "off, and hold back what is changed all the same. It is locked when everything that "
            "the broker had of it is here.\nExits 9 when another has it.",
    .needs = CF_NEEDS_PEER,
    .connects = true,
    .options = options,
    .prerequisite = &cf_disk_answers_paths,
    .start = start,
    .step = step,
    .end = end,
};
