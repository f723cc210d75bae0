/* SPDX-License-Identifier: Apache-2.0 */
/* A file that grows bit by bit, as a log does: what is written to a disk for each bit is counted,
 * at the device where it grows and at the one that follows. */
#include "tests/peer/small/small_cards.h"
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_folder.h"

#include "codec/base64.h"
#include "codec/content.h"
#include "codec/limits.h"
#include "tests/support/expect.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SMALLEST = 2 << 20, /* bytes */
    SIZES = 3,
    BIT = 1000, /* bytes */
    BITS = 3,
    SEEDS = 12
};

/* The last stretch of the copy that is kept of the file, and what goes with an entry. */
#define AROUND (256 * (uint64_t)1024)

typedef struct {
    uint64_t author, receiver;
} writes;

static void append(small_device *self, const char *path, cf_buffer *bytes)
{
    cf_buffer bit = small_world_noise(self->in, BIT);

    cf_buffer_append(bytes, bit.data, bit.size);
    user_writes(self, path, bytes->data, bytes->size);
    cf_buffer_release(&bit);
}

static writes written(const small_world *w)
{
    return (writes){w->devices[0].faults.written, w->devices[1].faults.written};
}

/* Of some bits, of each. */
static writes of_a_bit(size_t size)
{
    small_world *w = small_world_new(81, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_buffer bytes = small_world_noise(w, size);

    user_writes(a, "log", bytes.data, bytes.size);
    settles_equal(w);
    writes before = written(w);
    for (int i = 0; i < BITS; i++) {
        append(a, "log", &bytes);
        settles_equal(w);
        cr_assert(holds_bytes(b, "log", cf_buffer_view(&bytes)), "bit %d", i);
    }
    writes after = written(w);
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
    return (writes){(after.author - before.author) / BITS,
                    (after.receiver - before.receiver) / BITS};
}

TestSuite(growing_file, .timeout = 240);

Test(growing_file, is_written_once_by_who_follows_and_not_by_who_has_it)
{
    for (int i = 0; i < SIZES; i++) {
        size_t size = (size_t)SMALLEST << (2 * i);
        writes each = of_a_bit(size);

        cr_expect_lt(each.author, AROUND, "%zu: %llu", size, (unsigned long long)each.author);
        cr_expect_geq(each.receiver, size, "it is counted");
        cr_expect_lt(each.receiver, size + AROUND, "%zu: %llu", size,
                     (unsigned long long)each.receiver);
    }
}

/* ---- What patches are made from ---- */

enum { SMALL = 1 << 20, FEW = 8192 }; /* bytes of a patch of one byte, and of what goes with it */

static uint64_t travelled(const small_world *w)
{
    uint64_t bytes = 0;

    for (int i = 0; i < w->count; i++) {
        cf_traffic traffic;

        cf_engine_traffic(w->devices[i].engine, &traffic);
        bytes += traffic.bytes_received;
    }
    return bytes;
}

static void goes_as_few(small_world *w, small_device *self, const char *path, cf_buffer *bytes,
                        const char *when)
{
    uint64_t before = travelled(w);

    insert_in_front(bytes);
    user_writes(self, path, bytes->data, bytes->size);
    settles_equal(w);
    cr_expect_lt(travelled(w) - before, FEW, "%s: %llu", when,
                 (unsigned long long)(travelled(w) - before));
}

Test(growing_file, is_copied_as_it_is_after_each_bit)
{
    small_world *w = small_world_new(82, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_buffer bytes = small_world_noise(w, SMALL);

    user_writes(a, "log", bytes.data, bytes.size);
    settles_equal(w);
    append(a, "log", &bytes);
    settles_equal(w);
    goes_as_few(w, a, "log", &bytes, "it has grown here");
    append(a, "log", &bytes);
    settles_equal(w);
    goes_as_few(w, b, "log", &bytes, "it has grown there");
    bytes.size -= 3 * CF_LEAF_SIZE / 2;
    user_writes(a, "log", bytes.data, bytes.size);
    settles_equal(w);
    goes_as_few(w, a, "log", &bytes, "it is shorter here");
    goes_as_few(w, b, "log", &bytes, "it is shorter there");
    memset(bytes.data + SMALL / 2, 'y', CF_LEAF_SIZE);
    user_writes(b, "log", bytes.data, bytes.size);
    settles_equal(w);
    goes_as_few(w, a, "log", &bytes, "its middle is another");
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
}

/* Each of them has its copy in the home, until they differ: one alone. */
Test(growing_file, takes_no_copy_from_under_who_reads_it)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        small_world *w = small_world_new(8300 + seed, 2);
        small_device *a = &w->devices[0];
        cf_buffer log = small_world_noise(w, SMALL), other = {0};

        cf_buffer_append(&other, log.data, log.size);
        user_writes(a, "log", log.data, log.size);
        user_writes(a, "other", log.data, log.size);
        settles_equal(w);
        uint64_t before = travelled(w);
        append(a, "log", &log);
        insert_in_front(&other);
        user_writes(a, "other", other.data, other.size);
        settles_equal(w);
        cr_expect_lt(travelled(w) - before, 2 * FEW, "%llu: %llu", (unsigned long long)seed,
                     (unsigned long long)(travelled(w) - before));
        cr_expect(holds_bytes(&w->devices[1], "log", cf_buffer_view(&log)));
        cr_expect(holds_bytes(&w->devices[1], "other", cf_buffer_view(&other)));
        cf_buffer_release(&log);
        cf_buffer_release(&other);
        small_world_destroy(&w);
    }
}

static void write_card(small_device *self, const cf_buffer *photo)
{
    cf_buffer card = {0}, letters = {0};

    cf_base64_write(cf_buffer_view(photo), true, &letters);
    cf_buffer_append_text(&card, "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:ann\r\nFN:Ann\r\n"
                                 "PHOTO;ENCODING=b;TYPE=JPEG:");
    cf_buffer_append(&card, letters.data, letters.size);
    cf_buffer_append_text(&card, "\r\nEND:VCARD\r\n");
    cf_buffer_append(&card, "", 1);
    user_writes_text_card(self, "ann.vcf", (const char *)card.data);
    cf_buffer_release(&letters);
    cf_buffer_release(&card);
}

/* The first thing in the cache of bases; empty: nothing is there. */
static cf_buffer kept_bytes(const small_device *self, cf_buffer *name)
{
    cf_files *files = self->in->env.files;
    char path[256];
    cf_buffer out = {0};
    cf_arena arena = {0};
    cf_folder_names names = {0};
    cf_folder *folder = NULL;
    cf_error error;

    snprintf(path, sizeof path, "%s/base", self->home_path);
    expect_ok(files->open_root(files, path, &folder, &error), error);
    expect_ok(cf_files_names(files, folder, &arena, &names, &error), error);
    if (names.count) {
        cf_buffer_append_text(name, "%s/%.*s", path, (int)names.at[0].size,
                              (const char *)names.at[0].data);
        expect_ok(cf_files_read(files, folder, names.at[0], 2 * SMALL, &out, &error), error);
    }
    files->close_folder(files, &folder);
    cf_arena_release(&arena);
    free(names.at);
    return out;
}

/* The long values of records lie in the cache of bases. */
Test(growing_file, takes_no_value_of_a_record)
{
    small_world *w = small_world_new(84, 2);
    small_device *a = &w->devices[0];
    cf_buffer photo = small_world_noise(w, SMALL / 2);
    cf_buffer name = {0};

    small_world_bind_cards(w);
    write_card(a, &photo);
    settle(w);
    cf_buffer log = kept_bytes(a, &name);
    cr_assert_gt(log.size, photo.size);
    cf_buffer_append(&name, "", 1);
    user_writes(a, "log", log.data, log.size);
    settle(w);
    append(a, "log", &log);
    cr_assert(small_device_sync(a));
    cr_expect_eq(access((const char *)name.data, F_OK), 0,
                 "the card's photo is not in the home any more");
    cf_buffer_release(&name);
    cf_buffer_release(&log);
    cf_buffer_release(&photo);
    small_world_destroy(&w);
}

/* What one job has out of its place is not another's to put there. */
Test(growing_file, takes_no_place_of_a_copy_that_is_brought_up_to_date)
{
    small_world *w = small_world_new(88, 2);
    small_device *a = &w->devices[0];
    cf_buffer log = small_world_noise(w, SMALL), name = {0}, was = {0};

    user_writes(a, "log", log.data, log.size);
    settles_equal(w);
    cf_buffer kept = kept_bytes(a, &name);
    cr_assert_eq(kept.size, log.size);
    cf_buffer_append_text(&was, "%.*s.was", (int)name.size, (const char *)name.data);
    cf_buffer_append(&was, "", 1);
    cr_assert_eq(creat((const char *)was.data, 0600) >= 0, true);
    append(a, "log", &log);
    settles_equal(w);
    cr_expect_eq(access((const char *)was.data, F_OK), 0, "another's copy was replaced");
    cf_buffer_append(&name, "", 1);
    cr_expect_eq(access((const char *)name.data, F_OK), 0, "its own copy is lost");
    cf_buffer_release(&was);
    cf_buffer_release(&name);
    cf_buffer_release(&kept);
    cf_buffer_release(&log);
    small_world_destroy(&w);
}

/* What was half brought up to date is no copy of anything. */
Test(growing_file, comes_through_whatever_call_fails)
{
    for (unsigned k = 1; k <= 60; k += 3) {
        small_world *w = small_world_new(8500 + k, 2);
        small_device *a = &w->devices[0], *b = &w->devices[1];
        cf_buffer bytes = small_world_noise(w, SMALL / 4);

        user_writes(a, "log", bytes.data, bytes.size);
        settles_equal(w);
        for (int i = 0; i < 2; i++) {
            disk_faults *faults = &w->devices[i].faults;

            faults->at = faults->calls + k;
            faults->status = CF_IO;
            faults->once = true;
        }
        append(a, "log", &bytes);
        small_device_sync(a);
        small_device_sync(b);
        for (int i = 0; i < 2; i++)
            small_device_crash(&w->devices[i]);
        settles_equal(w);
        insert_in_front(&bytes);
        user_writes(a, "log", bytes.data, bytes.size);
        settles_equal(w);
        cr_expect(holds_bytes(b, "log", cf_buffer_view(&bytes)), "call %u", k);
        cf_buffer_release(&bytes);
        small_world_destroy(&w);
    }
}

/* A byte of the last leaf is another one for the length of one call. */
typedef struct {
    small_device *self;
    cf_buffer *bytes;
    bool is_other;
} flicker;

static void flickers(void *context)
{
    flicker *of = context;
    disk_faults *faults = &of->self->faults;

    of->is_other = !of->is_other;
    of->bytes->data[of->bytes->size - 1] ^= 1;
    user_writes(of->self, "log", of->bytes->data, of->bytes->size);
    if (of->is_other) {
        faults->at = faults->calls + 1;
        faults->meanwhile = flickers;
    }
}

static void expect_good_copy(const small_device *self, uint64_t call)
{
    cf_buffer name = {0}, bytes = kept_bytes(self, &name);
    char wanted[2 * CF_HASH_SIZE + 1];

    const cf_hash hash = cf_content_hash(cf_buffer_view(&bytes));
    cf_hex(cf_bytes_of(hash.bytes, sizeof hash.bytes), wanted);
    cf_buffer_append(&name, "", 1);
    cr_expect(bytes.size == 0 || strstr((const char *)name.data, wanted),
              "call %llu: the copy holds other bytes than its name says", (unsigned long long)call);
    cf_buffer_release(&bytes);
    cf_buffer_release(&name);
}

Test(growing_file, is_copied_as_its_hash_says_whenever_it_changes)
{
    small_world *w = small_world_new(87, 2);
    small_device *a = &w->devices[0];
    cf_buffer bytes = small_world_noise(w, SMALL / 4);
    flicker of = {a, &bytes, false};
    uint64_t call = 1;

    user_writes(a, "log", bytes.data, bytes.size);
    settles_equal(w);
    a->faults.reads = true;
    a->faults.context = &of;
    for (bool over = false; !over; call++) {
        append(a, "log", &bytes);
        a->faults.at = a->faults.calls + call;
        a->faults.meanwhile = flickers;
        small_device_sync(a); /* which may have to wait, as the file changed */
        over = a->faults.meanwhile != NULL;
        a->faults.meanwhile = NULL;
        a->faults.at = 0;
        settles_equal(w);
        cr_expect(holds_bytes(&w->devices[1], "log", cf_buffer_view(&bytes)));
        expect_good_copy(a, call);
    }
    cr_expect_gt(call, 20, "nothing is counted");
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
}

/* ---- Without rest ---- */

enum { OFTEN_MS = 250, A_MINUTE = 60000, CALLS = 10, CALLS_MS = 30, TELLS = 40 };

/* Of each ten calls one takes 30 ms. */
static void takes_time(void *context)
{
    small_device *self = context;

    self->in->now_ms += CALLS_MS;
    self->faults.at = self->faults.calls + CALLS;
    self->faults.meanwhile = takes_time;
}

/* One more write, and a pause: never as long as the one before, so that looks and writes don't run
 * in step. */
static void writes_on(small_device *self, cf_buffer *bytes)
{
    bytes->data[0]++;
    user_writes(self, "log", bytes->data, bytes->size);
    small_device_passes(self, OFTEN_MS / 2 + chance_below(&self->in->chance, OFTEN_MS * 3));
}

/* Of so many times that somebody asks, right after a write: how often status says that it waits. */
static int told_to_wait(small_device *self, cf_buffer *bytes)
{
    int told = 0;

    for (int i = 0; i < TELLS; i++) {
        writes_on(self, bytes);
        bytes->data[0]++;
        user_writes(self, "log", bytes->data, bytes->size);
        cr_assert(
            small_device_round(self, &(cf_round_options){.kind = CF_ROUND_TELL}, SMALL_TURNS_MAX));
        told += small_device_pending(self, NULL, CF_PENDING_WAITS) == 1;
    }
    return told;
}

/* The calls of a minute in which it is written that often. */
static uint64_t without_rest(size_t size)
{
    small_world *w = small_world_new(86, 2);
    small_device *a = &w->devices[0];
    cf_buffer bytes = small_world_noise(w, size);

    user_writes(a, "log", bytes.data, bytes.size);
    settles_equal(w);
    small_device_serves(a);
    small_device_passes(a, 10000);
    a->faults.reads = true;
    a->faults.context = a;
    takes_time(a);
    uint64_t calls = a->faults.calls, entries = small_world_entries(w);
    for (uint64_t end = w->now_ms + A_MINUTE; w->now_ms < end;)
        writes_on(a, &bytes);
    calls = a->faults.calls - calls;
    cr_expect_gt(told_to_wait(a, &bytes), TELLS * 3 / 4, "status says nothing of it");
    cr_expect_gt(small_world_entries(w), entries, "nothing is sent before it rests");
    small_device_passes(a, A_MINUTE);
    expect_nothing_pending(a);
    a->faults.meanwhile = NULL;
    a->faults.at = 0;
    cr_assert(small_device_sync(&w->devices[1]));
    cr_expect(holds_bytes(&w->devices[1], "log", cf_buffer_view(&bytes)), "not the last state");
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
    return calls;
}

Test(growing_file, that_changes_without_rest_is_looked_at_now_and_then)
{
    for (int i = 0; i < SIZES; i++) {
        uint64_t calls = without_rest((size_t)SMALL / 8 << (2 * i));

        cr_expect_gt(calls, A_MINUTE / 100, "nothing is counted");
        cr_expect_lt(calls * CALLS_MS / CALLS, A_MINUTE / 4, "%d: %llu calls", i,
                     (unsigned long long)calls);
    }
}
