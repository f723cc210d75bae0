/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/log/ann.h"

#include "peer/log/birth.h"
#include "peer/log/catalog_writing.h"

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

ann *make_named_ann(void)
{
    ann *self = make_ann();

    expect_ok(cf_catalog_introduce(self->peer, 1000, &self->error), self->error);
    return self;
}

void ann_says(ann *self, const char *pointer, const cf_buffer *value)
{
    cf_catalog_writing writing = {0};

    expect_ok(cf_catalog_begin(&writing, self->peer, CF_CATALOG_DEVICE,
                               cf_peer_device(self->peer)->bytes, &self->error),
              self->error);
    cf_catalog_write(&writing, cf_bytes_of_text(pointer), cf_buffer_view(value));
    expect_ok(cf_catalog_publish(&writing, 3000, &self->error), self->error);
    cf_catalog_writing_release(&writing);
}

void ann_begins_again(ann *self)
{
    cf_peer_close(&self->peer);
    expect_ok(cf_peer_open(&self->env, self->home, &self->peer, &self->error), self->error);
}
