/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/management/anns_house.h"

void call_from_desk(household *a)
{
    a->at_desk = connect_client(a->world, cf_keys_public(a->desk.keys)->curve);
    greet(a->world, a->at_desk, &a->account.user, NULL, 0);
}

household anns_house(void)
{
    household a = {.world = a_broker_world(), .account = an_account(1)};

    a.desk = a_device(2, &a.account.user);
    a.lap = a_device(3, &a.account.user);
    settle_in(a.world, &a.account, &a.desk, &a.lap);
    call_from_desk(&a);
    return a;
}

void start_again(household *a)
{
    broker_world_crash(a->world);
    call_from_desk(a);
}

void set_quota(household *a, uint64_t bytes)
{
    cf_error error;

    expect_ok(cf_quotas_set(a->world->broker.quotas, &a->account.user, bytes, &error), error);
}

uint64_t taken(household *a)
{
    cf_quota_figures figures;
    cf_error error;

    expect_ok(cf_quotas_figures(a->world->broker.quotas, &a->account.user, &figures, &error),
              error);
    return figures.entry_bytes + figures.blob_bytes;
}
