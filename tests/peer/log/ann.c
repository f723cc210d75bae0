/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/log/ann.h"

#include "peer/log/birth.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

ann *make_ann(void)
{
    ann *self = cf_allocate(1, sizeof *self);
    uint8_t secret[CF_PHRASE_SECRET];

    cr_assert_geq(sodium_init(), 0);
    self->scratch = scratch_new();
    self->now_ms = 1000;
    snprintf(self->path, sizeof self->path, "%s/home", self->scratch->path);
    cf_env_system(&self->env, "test", CF_REPORT_ERROR);
    cf_home_options options = {.env = &self->env, .path = self->path, .create = true};
    expect_ok(cf_home_open(&options, &self->home, &self->error), self->error);
    cf_birth birth = {&self->env, self->home, "laptop", self->now_ms};
    expect_ok(cf_birth_user(&birth, secret, &self->error), self->error);
    expect_ok(cf_peer_open(&self->env, self->home, &self->peer, &self->error), self->error);
    return self;
}

void end_ann(ann *self)
{
    cf_peer_close(&self->peer);
    cf_home_close(&self->home);
    cf_arena_release(&self->arena);
    scratch_destroy(&self->scratch);
    free(self);
}
