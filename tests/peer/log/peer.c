/* SPDX-License-Identifier: Apache-2.0 */
/* A home whose log is opened. */
#include "broker/log/log_tables.h"
#include "tests/peer/log/ann.h"

#include <string.h>

static void put_junk(ann *self, cf_bytes key)
{
    cf_store *store = cf_home_store(self->home);
    const cf_kv record = {key, cf_bytes_of_text("?")};

    expect_ok(store->write(store, cf_peer_user(self->peer), &record, 1, true, &self->error),
              self->error);
}

static cf_status close_and_open(ann *self)
{
    cf_peer_close(&self->peer);
    return cf_peer_open(&self->env, self->home, &self->peer, &self->error);
}

/* Says what, why, and what helps. */
Test(peer, is_not_opened_with_a_member_entry_that_is_damaged)
{
    static const uint8_t second[CF_LOG_REGISTRY_KEY] = {CF_LOG_REGISTRY, [8] = 1};
    ann *self = make_ann();

    expect_ok(close_and_open(self), self->error);
    put_junk(self, cf_bytes_of(second, sizeof second));
    cr_assert_eq(close_and_open(self), CF_BROKEN, "%s", self->error.text);
    cr_expect(strstr(self->error.text, "this home is damaged: move it away and `counterfoil join`"),
              "%s", self->error.text);
    cr_expect(strstr(self->error.text, ": entry 2 of the member log is damaged: "), "%s",
              self->error.text);
    end_ann(self);
}

/* They are under letters of the log's, with keys of another size. */
Test(peer, keeps_records_of_a_source_that_no_log_takes_for_its_own)
{
    static const cf_table_letter both[] = {CF_TABLE_REFUSED, CF_TABLE_DATABASE, CF_TABLE_SCHEMA};
    ann *self = make_ann();

    for (size_t i = 0; i < sizeof both / sizeof *both; i++)
        put_junk(self, cf_key_source(&self->arena, both[i], 7));
    expect_ok(close_and_open(self), self->error);
    end_ann(self);
}
