/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/management/anns_house.h"

void call_from_desk(ann *a)
{
    a->at_desk = call_in(a->house, cf_keys_public(a->desk.keys)->curve);
    greet(a->house, a->at_desk, &a->account.user, NULL, 0);
}

ann anns_house(void)
{
    ann a = {.house = a_house(), .account = an_account(1)};

    a.desk = a_device(2, &a.account.user);
    a.lap = a_device(3, &a.account.user);
    settle_in(a.house, &a.account, &a.desk, &a.lap);
    call_from_desk(&a);
    return a;
}

void start_again(ann *a)
{
    house_crash(a->house);
    call_from_desk(a);
}

void ann_end(ann *a)
{
    house_end(a->house);
    person_end(&a->account);
    person_end(&a->desk);
    person_end(&a->lap);
}

void set_quota(ann *a, uint64_t bytes)
{
    cf_error error;

    expect_ok(cf_quotas_set(a->house->quotas, &a->account.user, bytes, &error), error);
}

uint64_t taken(ann *a)
{
    cf_quota_figures figures;
    cf_error error;

    expect_ok(cf_quotas_figures(a->house->quotas, &a->account.user, &figures, &error), error);
    return figures.entry_bytes + figures.blob_bytes;
}
