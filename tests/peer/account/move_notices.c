/* SPDX-License-Identifier: Apache-2.0 */
/* When a broker that the user has left is tried, told or not, by a device whose connections lead
 * nowhere. */
#include "peer/account/move_notices.h"

#include <string.h>

#include "tests/peer/small/small_world.h"
#include "tests/support/expect.h"
#include "tests/support/must.h"

#define BEFORE "tcp://before.example:7817#aebagbafaydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4qa"
#define NOW_AT "tcp://now.example:7817#aibagbafaydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4qa"

enum { PATIENCE_MS = 3000, PATIENCE_AGAIN_MS = 1000, AGAIN_MS = 60000 };

typedef struct {
    small_world *world;
    cf_env env;
    cf_connections connections;
    cf_move_notices *notices;
    uint64_t now_ms;
    size_t tries, warnings;
} scene;

static uint64_t read_clock(void *context)
{
    return ((scene *)context)->now_ms;
}

static void fill(void *context, void *out, size_t size)
{
    (void)context;
    memset(out, 7, size);
}

static void count_warning(void *context, cf_report_level level, const char *text)
{
    (void)text;
    ((scene *)context)->warnings += level == CF_REPORT_WARNING;
}

static cf_connection *connect_to_nobody(void *context, const cf_connection_options *options)
{
    scene *self = context;

    cr_expect_str_eq(options->address->host, "before.example");
    self->tries++;
    return context;
}

static void disconnect(void *context, cf_connection **connection)
{
    (void)context;
    *connection = NULL;
}

static void wake(void *context)
{
    (void)context;
}

static void name_home(small_device *device, uint64_t generation, const char *address)
{
    const cf_member home = {.kind = CF_MEMBER_HOME,
                            .time_ms = small_world_time(device->in),
                            .generation = generation,
                            .address = cf_bytes_of_text(address)};
    cf_error error;

    must(cf_peer_publish_member(cf_engine_peer(device->engine), &home, &error), &error, "a home");
}

/* The process begins: what is kept is in the home. */
static void begin(scene *self)
{
    cf_move_notices_destroy(&self->notices);
    self->notices = cf_move_notices_new(&self->connections, self->world->devices[0].engine);
}

static scene *a_device_that_moved(void)
{
    scene *self = cf_allocate(1, sizeof *self);
    small_device *device;
    cf_error error;

    self->world = small_world_new(1, 1);
    device = &self->world->devices[0];
    self->now_ms = small_world_time(self->world);
    name_home(device, 1, BEFORE);
    name_home(device, 2, NOW_AT);
    must(cf_home_set(device->home, CF_HOME_BROKER, cf_bytes_of_text(NOW_AT), &error), &error,
         "where it is");
    self->env = device->env;
    self->env.context = self;
    self->env.now_ms = self->env.steady_ms = read_clock;
    self->env.random = fill;
    self->env.report = count_warning;
    self->connections = (cf_connections){.context = self,
                                         .env = &self->env,
                                         .connect = connect_to_nobody,
                                         .disconnect = disconnect,
                                         .wake = wake};
    begin(self);
    return self;
}

static void end(scene *self)
{
    cf_move_notices_destroy(&self->notices);
    small_world_destroy(&self->world);
    free(self);
}

/* In how much time it wants to go on. */
static uint64_t step_after(scene *self, uint64_t ms)
{
    self->now_ms += ms;
    return cf_move_notices_step(self->notices, self->now_ms) - self->now_ms;
}

Test(move_notices, try_a_broker_that_does_not_answer_again_each_minute)
{
    scene *self = a_device_that_moved();

    cr_expect_eq(step_after(self, 0), PATIENCE_MS);
    cr_expect_eq(self->tries, 1);
    for (size_t minute = 1; minute < 4; minute++) {
        const uint64_t patience_ms = minute == 1 ? PATIENCE_MS : PATIENCE_AGAIN_MS;

        cr_expect_eq(step_after(self, patience_ms), AGAIN_MS, "minute %zu", minute);
        cr_expect_not(cf_move_notices_are_out(self->notices));
        cr_expect_eq(step_after(self, AGAIN_MS - 1), 1, "minute %zu", minute);
        cr_expect_eq(self->tries, minute, "too early");
        cr_expect_eq(step_after(self, 1), PATIENCE_AGAIN_MS);
        cr_expect_eq(self->tries, minute + 1, "minute %zu", minute);
        cr_expect_eq(self->warnings, 1, "it is said once");
    }
    end(self);
}

Test(move_notices, know_in_the_next_process_when_a_broker_was_tried)
{
    scene *self = a_device_that_moved();

    step_after(self, 0);
    step_after(self, PATIENCE_MS);
    begin(self);
    cr_expect_eq(step_after(self, AGAIN_MS / 2), AGAIN_MS / 2 - PATIENCE_MS);
    cr_expect_eq(self->tries, 1);
    cr_expect_eq(step_after(self, AGAIN_MS / 2 - PATIENCE_MS), PATIENCE_AGAIN_MS);
    cr_expect_eq(self->tries, 2);
    end(self);
}

/* A clock that was set back says nothing of when that was. */
Test(move_notices, try_at_once_where_the_last_try_is_to_come)
{
    scene *self = a_device_that_moved();

    step_after(self, 0);
    step_after(self, PATIENCE_MS);
    begin(self);
    self->now_ms -= 2 * AGAIN_MS;
    step_after(self, 0);
    cr_expect_eq(self->tries, 2);
    end(self);
}

Test(move_notices, are_waited_for_until_the_user_gives_up)
{
    scene *self = a_device_that_moved();
    cf_error error;

    step_after(self, 0);
    cr_expect(cf_move_notices_are_out(self->notices));
    step_after(self, PATIENCE_MS);
    expect_ok(cf_move_notices_give_up(cf_engine_peer(self->world->devices[0].engine), &error),
              error);
    begin(self);
    step_after(self, AGAIN_MS);
    cr_expect_eq(self->tries, 2, "in case that it is back");
    cr_expect_not(cf_move_notices_are_out(self->notices));
    end(self);
}
