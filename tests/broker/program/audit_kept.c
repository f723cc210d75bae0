/* SPDX-License-Identifier: Apache-2.0 */
/* What verbs decide while the broker is stopped, kept until it starts. */
#include "broker/program/audit_kept.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const cf_hash ann = {{0x6f, 0x1c}};
static uint64_t now = 1764042000000; /* 2025-11-25T03:40:00Z */
static size_t told;
static char last[512];

static uint64_t read_clock(void *context)
{
    (void)context;
    return now;
}

static void tell(void *context, cf_report_level level, const char *text)
{
    (void)context;
    cr_assert_eq(level, CF_REPORT_NOTICE);
    snprintf(last, sizeof last, "%s", text);
    told++;
}

static const cf_env env = {.now_ms = read_clock, .report = tell};

static void decide(cf_store *store, size_t times)
{
    cf_audit *audit;
    cf_audit_kept *kept = cf_audit_kept_new(&env, &audit);
    cf_error error;

    for (size_t i = 1; i <= times; i++)
        cf_audit_note(audit,
                      &(cf_audit_event){.what = CF_AUDIT_USER_QUOTA, .user = &ann, .size = i}, now);
    cf_audit_destroy(&audit);
    cr_assert_eq(cf_audit_kept_write(kept, store, &error), CF_OK);
    cf_audit_kept_destroy(&kept);
    now += 1000;
}

static void expect_told(cf_store *store, size_t count, const char *text)
{
    cf_error error;

    told = 0;
    cr_assert_eq(cf_audit_kept_tell(&env, store, &error), CF_OK);
    cr_expect_eq(told, count, "%zu", told);
    if (count)
        cr_expect_str_eq(last, text);
}

Test(audit_kept, tells_each_once_in_order_and_no_more_than_its_bound)
{
    const uint8_t id[16] = {1};
    cf_store_memory_disk *disk = cf_store_memory_disk_new(id);
    cf_store *store = cf_store_memory_new(disk);

    expect_told(store, 0, "");
    decide(store, 2);
    expect_told(store, 2, "audit what=user-quota user=6f1c00000000 size=2 at=2025-11-25T03:40:00Z");
    expect_told(store, 0, "");
    decide(store, CF_AUDIT_KEPT_MAX + 1);
    decide(store, 3);
    expect_told(store, CF_AUDIT_KEPT_MAX,
                "audit what=user-quota user=6f1c00000000 size=1000 at=2025-11-25T03:40:01Z");
    expect_told(store, 3, "audit what=user-quota user=6f1c00000000 size=3 at=2025-11-25T03:40:02Z");
    expect_told(store, 0, "");
    cf_store_destroy(&store);
    cf_store_memory_disk_destroy(&disk);
}
