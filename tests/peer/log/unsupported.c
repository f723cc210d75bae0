/* SPDX-License-Identifier: Apache-2.0 */
/* What brokers don't know, as the home keeps it. */
#include "peer/log/unsupported.h"

#include <string.h>

#include "codec/limits.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

enum { MINUTE_MS = 60000 };

typedef struct {
    scratch *scratch;
    cf_env system, env;
    uint64_t now_ms;
    cf_home *home;
} scene;

static uint64_t now_of(void *context)
{
    return ((scene *)context)->now_ms;
}

static uint64_t steady_of(void *context)
{
    (void)context;
    return 5000;
}

static void begin(scene *self)
{
    cf_error error;

    *self = (scene){.scratch = scratch_new(), .now_ms = UINT64_C(1764000000000)};
    cf_env_system(&self->system, "test", CF_REPORT_ERROR);
    const cf_home_options options = {
        .env = &self->system, .path = self->scratch->path, .create = true};
    expect_ok(cf_home_open(&options, &self->home, &error), error);
    self->env = (cf_env){.context = self, .now_ms = now_of, .steady_ms = steady_of};
}

static void end(scene *self)
{
    cf_home_close(&self->home);
    scratch_destroy(&self->scratch);
}

static cf_address broker(uint8_t key)
{
    cf_address made = {.port = 1};

    memset(made.key, key, sizeof made.key);
    return made;
}

static void note(scene *self, uint8_t key, cf_command command)
{
    const cf_address at = broker(key);

    cf_unsupported_note(self->home, &at, &self->env, command);
}

/* As a process would that begins now: for how long; 0: it may be said. */
static bool is_without(scene *self, uint8_t key, cf_command command, uint64_t in_ms)
{
    static const uint8_t knock = 'k';
    const cf_address at = broker(key);
    cf_link *link = cf_link_new(
        &(cf_link_options){.env = &self->env, .knock = cf_bytes_of(&knock, sizeof knock)});

    cf_unsupported_recall(self->home, &at, &self->env, link);
    const bool is = cf_link_is_without(link, command, steady_of(self) + in_ms);
    cf_link_destroy(&link);
    return is;
}

Test(unsupported, is_kept_by_key_and_command_for_a_day)
{
    scene self;

    begin(&self);
    note(&self, 1, CF_COMMAND_FETCH);
    self.now_ms += MINUTE_MS;
    note(&self, 2, CF_COMMAND_CHAINS);
    cr_expect(is_without(&self, 1, CF_COMMAND_FETCH, 0));
    cr_expect(is_without(&self, 1, CF_COMMAND_FETCH, CF_DAY_MS - MINUTE_MS - 1));
    cr_expect_not(is_without(&self, 1, CF_COMMAND_FETCH, CF_DAY_MS - MINUTE_MS));
    cr_expect(is_without(&self, 2, CF_COMMAND_CHAINS, CF_DAY_MS - 1));
    cr_expect_not(is_without(&self, 1, CF_COMMAND_CHAINS, 0));
    cr_expect_not(is_without(&self, 2, CF_COMMAND_FETCH, 0));
    self.now_ms += CF_DAY_MS - MINUTE_MS;
    cr_expect_not(is_without(&self, 1, CF_COMMAND_FETCH, 0));
    cr_expect(is_without(&self, 2, CF_COMMAND_CHAINS, 0));
    self.now_ms -= CF_DAY_MS;
    cr_expect_not(is_without(&self, 2, CF_COMMAND_CHAINS, 0), "the clock was set back since");
    end(&self);
}

Test(unsupported, keeps_so_many_and_forgets_those_that_end_first)
{
    scene self;

    begin(&self);
    for (unsigned i = 0; i < CF_UNSUPPORTED_MAX; i++, self.now_ms += 1000)
        note(&self, (uint8_t)i, CF_COMMAND_ALONE);
    note(&self, 0, CF_COMMAND_ALONE);
    for (unsigned i = 0; i < CF_UNSUPPORTED_MAX; i++)
        cr_expect(is_without(&self, (uint8_t)i, CF_COMMAND_ALONE, 0), "%u", i);
    note(&self, CF_UNSUPPORTED_MAX, CF_COMMAND_ALONE);
    cr_expect_not(is_without(&self, 1, CF_COMMAND_ALONE, 0));
    cr_expect(is_without(&self, 0, CF_COMMAND_ALONE, 0));
    cr_expect(is_without(&self, CF_UNSUPPORTED_MAX, CF_COMMAND_ALONE, 0));
    end(&self);
}

Test(unsupported, forgets_what_is_damaged)
{
    scene self;
    cf_error error;

    begin(&self);
    expect_ok(cf_home_set(self.home, "unsupported", cf_bytes_of_text("short"), &error), error);
    cr_expect_not(is_without(&self, 1, CF_COMMAND_FETCH, 0));
    note(&self, 1, CF_COMMAND_FETCH);
    cr_expect(is_without(&self, 1, CF_COMMAND_FETCH, 0));
    end(&self);
}
