/* SPDX-License-Identifier: Apache-2.0 */
/* What a running broker looks at now and then: room on the disk, the store, descriptors, its
 * directory, the clock; and what else goes by the timer (cf_broker_tick). A look says what
 * has changed since it was told, not what is so. */
#include "broker/program/serve_inside.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "broker/platform/tallies.h"
#include "broker/store/store_room.h"

enum { CLOCK_SET_MS = 60000 };

/* Once when it becomes scarce, and once when it is not any more. */
void cf_broker_look_at_room(cf_broker *self)
{
    cf_reserve reserve;
    char left[CF_SIZE_TEXT], all[CF_SIZE_TEXT];
    cf_error ignored;

    if (cf_datadir_reserve(self->broker_data.datadir, &reserve, &ignored) ||
        cf_reserve_is_scarce(&reserve) == self->is_scarce)
        return;
    self->is_scarce = !self->is_scarce;
    cf_size_write(reserve.room, left);
    cf_size_write(reserve.whole, all);
    if (self->is_scarce)
        cf_report(self->options->env, CF_REPORT_WARNING,
                  "%s of %s are left on the disk: %s; see `counterfoild users`", left, all,
                  cf_reserve_effect(&reserve));
    else
        cf_report(self->options->env, CF_REPORT_NOTICE,
                  "%s of %s are left on the disk, which is enough again", left, all);
}

/* What nothing names any more goes at once where somebody has no room. */
static void look_at_refusals(cf_broker *self, uint64_t steady_ms)
{
    cf_hash user;
    uint64_t count;
    const uint64_t last_ms = cf_gateway_last_full(self->gateway, &user, &count);

    if (last_ms == self->full_ms)
        return;
    self->full_ms = last_ms;
    cf_sweep_hurry(self->sweep, steady_ms);
}

/* Once when writing to the store fails, once when nothing is written to it any more, and when all
 * is well again. */
static void look_at_store(cf_broker *self)
{
    const cf_env *env = self->options->env;
    cf_error failure;
    bool for_good = false;

    const bool fails =
        self->broker_data.store->failure(self->broker_data.store, &for_good, &failure);
    if (for_good && !self->store_failed)
        cf_report(env, CF_REPORT_ERROR, CF_STORE_FAILED_FORMAT, failure.text);
    else if (fails && !self->store_fails)
        cf_report(env, CF_REPORT_ERROR, CF_STORE_FAILING_FORMAT, failure.text);
    else if (!fails && self->store_fails)
        cf_report(env, CF_REPORT_NOTICE, "the disk takes what is written to the store again");
    self->store_fails = fails;
    self->store_failed |= for_good;
}

void cf_broker_look_at_damage(cf_broker *self)
{
    cf_error damage;
    const bool is_damaged = self->broker_data.store->damage(self->broker_data.store, &damage);

    if (is_damaged && !self->is_damaged)
        cf_report(self->options->env, CF_REPORT_ERROR, "%s", damage.text);
    self->is_damaged = is_damaged;
}

int64_t cf_broker_clock_offset_ms(const cf_env *env)
{
    struct timespec running;

    clock_gettime(CLOCK_BOOTTIME, &running);
    return (int64_t)env->now_ms(env->context) - (int64_t)running.tv_sec * 1000 -
           running.tv_nsec / 1000000;
}

static void look_at_clock(cf_broker *self)
{
    const int64_t offset = cf_broker_clock_offset_ms(self->options->env);
    const int64_t later = offset - self->clock_offset_ms;

    self->clock_offset_ms = offset;
    if (later > CLOCK_SET_MS || later < -CLOCK_SET_MS)
        cf_gateway_clock_set(self->gateway, later);
}

/* Whether the lowest free one lies among the last tenth, or there is none; `plenty`: among the
 * first three quarters. */
static bool are_descriptors_scarce(rlim_t limit, bool *plenty)
{
    const int lowest = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);

    if (lowest >= 0)
        close(lowest);
    *plenty = lowest >= 0 && (rlim_t)lowest < limit / 4 * 3;
    return lowest < 0 || (rlim_t)lowest >= limit - limit / 10;
}

/* Once when they become scarce, and once when there is plenty again. */
static void look_at_descriptors(cf_broker *self)
{
    struct rlimit limit;
    bool plenty;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    bool is_scarce = are_descriptors_scarce(limit.rlim_cur, &plenty);
    if (self->lacks_descriptors ? !plenty : !is_scarce)
        return;
    self->lacks_descriptors = !self->lacks_descriptors;
    if (self->lacks_descriptors)
        cf_report(self->options->env, CF_REPORT_WARNING,
                  "descriptors run out: nine tenths of %llu are in use, and connections may be "
                  "refused soon: see ulimit -n, or the service's LimitNOFILE",
                  (unsigned long long)limit.rlim_cur);
    else
        cf_report(self->options->env, CF_REPORT_NOTICE, "there are descriptors enough again");
}

/* As when its volume is unmounted lazily, or it is renamed: what is open is served on, and nobody
 * finds it by its name. */
static void look_at_place(cf_broker *self)
{
    const bool is_there = cf_datadir_is_at_its_path(self->broker_data.datadir);

    if (is_there != self->is_displaced)
        return;
    self->is_displaced = !is_there;
    if (self->is_displaced)
        cf_report(self->options->env, CF_REPORT_ERROR,
                  "%s is not the directory that is served any more: was it moved, or its volume "
                  "unmounted? Until it is there again verbs find no broker",
                  self->options->data);
    else
        cf_report(self->options->env, CF_REPORT_NOTICE, "%s is the directory that is served again",
                  self->options->data);
}

/* Another is made as soon as somebody brings a blob. */
static void look_at_blobs(cf_broker *self)
{
    const uint64_t found = cf_datadir_blobs(self->broker_data.datadir);

    const bool is_told = self->lacks_blobs; /* the one that is made then is no news */

    self->lacks_blobs = self->blobs_inode && !found;
    if (self->blobs_inode && found != self->blobs_inode && !is_told) {
        self->desk.lost_blobs = true;
        cf_report(self->options->env, CF_REPORT_ERROR, CF_BLOBS_LOST_FORMAT, self->options->data);
    }
    self->blobs_inode = found ? found : self->blobs_inode;
}

/* For `status`, until the next verify, which counts anew; where that can't be kept, the log has it.
 */
static void note_missed(cf_broker *self)
{
    const uint64_t set_aside = cf_gateway_set_aside(self->gateway);
    cf_datadir_check check = {0};
    cf_error ignored;

    self->missed += set_aside - self->set_aside;
    self->set_aside = set_aside;
    if (!self->missed || self->verifies)
        return;
    if (cf_datadir_checked(self->broker_data.datadir, &check, &ignored))
        check = (cf_datadir_check){0};
    check.missing += self->missed;
    if (!cf_datadir_keep_check(self->broker_data.datadir, &check, &ignored))
        self->missed = 0;
}

int cf_broker_tick(zloop_t *loop, int timer, void *context)
{
    cf_broker *self = context;
    const cf_serve_options *options = self->options;
    const cf_env *env = options->env;
    const uint64_t now_ms = env->now_ms(env->context), steady_ms = cf_env_steady_ms(env);
    cf_error error;

    (void)loop;
    (void)timer;
    cf_audit_tick(self->broker_data.audit, now_ms);
    if (env->repeats)
        cf_repeats_tick(env->repeats, env, now_ms);
    cf_quotas_tick(self->broker_data.quotas, steady_ms);
    look_at_refusals(self, steady_ms);
    cf_sweep_tick(self->sweep, steady_ms);
    cf_search_tick(self->search, steady_ms);
    cf_broker_look_at_room(self);
    look_at_store(self);
    cf_broker_look_at_damage(self);
    look_at_descriptors(self);
    look_at_place(self);
    look_at_blobs(self);
    note_missed(self);
    cf_ballast_keep(cf_datadir_descriptor(self->broker_data.datadir));
    look_at_clock(self);
    if (!self->is_displaced && cf_control_renew(self->control, &error))
        cf_report(env, CF_REPORT_WARNING, "%s", error.text);
    cf_gateway_zmq_wake(self->door);
    return 0;
}
