/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of blobs that come slowly: no more than is allowed, and for no longer. */
#include "peer/transfer/download_parts.h"

#include "codec/limits.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

TestSuite(download_parts, .timeout = 120);

enum { PIECE = 8 << 20 };
#define BEGINNING_MS UINT64_C(1795176000000)

static struct {
    scratch *disk;
    cf_env env;
    cf_home *home;
    cf_parts *parts;
    uint64_t now_ms, steady_ms;
    cf_buffer bytes;
} at;

static uint64_t now(void *context)
{
    (void)context;
    return at.now_ms;
}

static uint64_t steady(void *context)
{
    (void)context;
    return at.steady_ms;
}

static void begin(void)
{
    char path[96];
    cf_error error;

    at.disk = scratch_new();
    cf_env_system(&at.env, "test", CF_REPORT_ERROR);
    at.env.now_ms = now;
    at.env.steady_ms = steady;
    at.now_ms = BEGINNING_MS;
    snprintf(path, sizeof path, "%s/home", at.disk->path);
    expect_ok(cf_home_open(&(cf_home_options){.env = &at.env, .path = path, .create = true},
                           &at.home, &error),
              error);
    at.parts = cf_parts_new(&at.env, at.home);
    memset(cf_buffer_reserve(&at.bytes, PIECE), 'x', PIECE);
    at.bytes.size = PIECE;
}

static void end(void)
{
    cf_parts_destroy(&at.parts);
    cf_home_close(&at.home);
    cf_buffer_release(&at.bytes);
    scratch_destroy(&at.disk);
}

static void restart(void)
{
    cf_parts_destroy(&at.parts);
    at.parts = cf_parts_new(&at.env, at.home);
}

static cf_hash blob(uint8_t number)
{
    return (cf_hash){.bytes = {1, number}};
}

static void keep(uint8_t number, uint64_t offset, size_t size)
{
    const cf_hash id = blob(number);

    cf_parts_keep(at.parts, &id, offset, cf_bytes_of(at.bytes.data, size));
    at.now_ms += 1000;
}

static size_t kept(uint8_t number)
{
    const cf_hash id = blob(number);
    cf_buffer found = {0};

    cf_parts_load(at.parts, &id, &found);
    const size_t size = found.size;
    cf_buffer_release(&found);
    return size;
}

static void path_of(uint8_t number, char path[300])
{
    const cf_hash id = blob(number);
    char hex[2 * CF_HASH_SIZE + 1];

    cf_hex(cf_bytes_of(id.bytes, CF_HASH_SIZE), hex);
    snprintf(path, 300, "%s/home/tmp/parts/%s", at.disk->path, hex);
}

/* What lies there was kept by the test's time of day. */
static void stamp(uint8_t number, uint64_t ms)
{
    const struct timespec both[2] = {{.tv_sec = (time_t)(ms / 1000)},
                                     {.tv_sec = (time_t)(ms / 1000)}};
    char path[300];

    path_of(number, path);
    cr_assert_eq(utimensat(AT_FDCWD, path, both, 0), 0);
}

Test(download_parts, the_oldest_go_where_there_is_no_room_for_more)
{
    begin();
    for (uint8_t i = 0; i < CF_KEPT_PARTS_SIZE_MAX / PIECE; i++)
        keep(i, 0, i ? PIECE : PIECE - 1);
    keep(0, PIECE - 1, 1); /* the last byte for which there is room */
    for (uint8_t i = 0; i < CF_KEPT_PARTS_SIZE_MAX / PIECE; i++)
        cr_expect_eq(kept(i), PIECE, "part %d", i);
    keep(0, PIECE, 1);
    cr_expect_eq(kept(0), PIECE + 1, "what grows is the youngest");
    cr_expect_eq(kept(1), 0, "the oldest");
    cr_expect_eq(kept(2), PIECE);
    keep(1, PIECE, 1);
    cr_expect_eq(kept(1), 0, "its beginning is gone");
    keep(1, 0, PIECE);
    cr_expect_eq(kept(1), PIECE);
    cr_expect_eq(kept(2), 0);
    end();
}

Test(download_parts, no_more_are_kept_than_are_allowed)
{
    begin();
    for (unsigned i = 0; i <= CF_KEPT_PARTS_MAX; i++) {
        const cf_hash id = {.bytes = {2, (uint8_t)i, (uint8_t)(i >> 8)}};

        cf_parts_keep(at.parts, &id, 0, cf_bytes_of_text("x"));
    }
    const cf_hash first = {.bytes = {2}}, second = {.bytes = {2, 1}};
    cf_buffer found = {0};
    cf_parts_load(at.parts, &first, &found);
    cr_expect_eq(found.size, 0);
    cf_parts_load(at.parts, &second, &found);
    cr_expect_eq(found.size, 1);
    cf_buffer_release(&found);
    end();
}

/* As one from before there was a bound may have left it. */
Test(download_parts, what_lies_there_is_held_to_the_same)
{
    begin();
    keep(0, 0, PIECE);
    for (uint8_t i = 0; i < CF_KEPT_PARTS_SIZE_MAX / PIECE; i++) {
        char copy[300];

        path_of((uint8_t)(i + 1), copy);
        FILE *file = fopen(copy, "w");
        cr_assert(file);
        cr_assert_eq(fwrite(at.bytes.data, 1, PIECE, file), PIECE);
        fclose(file);
        stamp((uint8_t)(i + 1), BEGINNING_MS - 1000 * (uint64_t)i); /* the first is the youngest */
    }
    stamp(0, BEGINNING_MS);
    restart();
    cr_expect_eq(kept(CF_KEPT_PARTS_SIZE_MAX / PIECE), 0, "the oldest");
    cr_expect_eq(kept(CF_KEPT_PARTS_SIZE_MAX / PIECE - 1), PIECE);
    cr_expect_eq(kept(0), PIECE);
    end();
}

Test(download_parts, who_runs_for_long_drops_what_is_old_each_day)
{
    begin();
    keep(0, 0, 1000);
    keep(1, 0, 1000);
    at.now_ms += 7 * CF_DAY_MS - 4000;
    keep(1, 1000, 1000);
    at.now_ms += 4000;
    cf_parts_step(at.parts);
    cr_expect_eq(kept(0), 1000, "not before a day is over");
    at.steady_ms += CF_DAY_MS;
    cf_parts_step(at.parts);
    cr_expect_eq(kept(0), 0);
    cr_expect_eq(kept(1), 2000);
    end();
}

/* Nothing was fetched since it began, so it never looked what is there. */
Test(download_parts, who_has_fetched_nothing_drops_it_too)
{
    char path[300];
    struct stat found;

    begin();
    keep(0, 0, 1000);
    stamp(0, BEGINNING_MS);
    restart();
    at.now_ms += 8 * CF_DAY_MS;
    at.steady_ms += CF_DAY_MS - 1;
    path_of(0, path);
    cf_parts_step(at.parts);
    cr_expect_eq(stat(path, &found), 0);
    at.steady_ms++;
    cf_parts_step(at.parts);
    cr_expect_neq(stat(path, &found), 0);
    end();
}
