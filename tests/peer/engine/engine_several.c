/* SPDX-License-Identifier: Apache-2.0 */
/* Several sources of one collection on one device: what is done in one is done in the others,
 * without a broker, and through one chain of entries; what is done in two of them meets as if they
 * were two devices'. */
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"

#include <stdio.h>

enum { BESIDE = 12, ROWS = 6, CALLS_MAX = 600 };

/* ---- One device, two tables ---- */

typedef struct {
    small_world *w;
    small_device *a, beside;
    cf_binding *first, *second;
} pair;

static void find_bindings(pair *self)
{
    cf_engine *engine = self->a->engine;

    for (size_t i = 0; i < cf_engine_binding_count(engine); i++) {
        cf_binding *binding = cf_engine_binding_at(engine, i);

        if (binding->number == TABLE_NUMBER)
            self->first = binding;
        else if (binding->number == BESIDE)
            self->second = binding;
    }
}

/* Its device has no network. */
static pair pair_new(const table_place *first, const table_place *second)
{
    pair self = {.w = small_world_new(3, 1)};

    self.a = &self.w->devices[0];
    self.beside = table_beside(self.a);
    table_place places[2] = {first ? *first : (table_place){0},
                             second ? *second : (table_place){0}};
    places[0].number = TABLE_NUMBER;
    places[1].number = BESIDE;
    places[1].at = &self.beside;
    cr_assert(small_world_settle(self.w));
    for (int i = 0; i < 2; i++)
        small_device_bind_table(self.a, &places[i]);
    find_bindings(&self);
    small_device_unplug(self.a);
    return self;
}

static void pair_end(pair *self)
{
    small_world_destroy(&self->w);
}

static bool add_entries(void *context, const cf_head *head)
{
    *(uint64_t *)context += head->sequence;
    return true;
}

/* How many entries the device itself has. */
static uint64_t entries_of(const small_device *self)
{
    cf_store *store = cf_home_store(self->home);
    uint64_t count = 0;
    cf_error error;

    expect_ok(store->heads(store, cf_peer_user(cf_engine_peer(self->engine)), add_entries, &count,
                           &error),
              error);
    return count;
}

static void put(small_device *at, const char *rows)
{
    char path[160];

    snprintf(path, sizeof path, "%s.csv", at->folder);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fprintf(file, "id,balance,note\n%s", rows);
    fclose(file);
}

static void expect_rows(const small_device *at, const char *rows)
{
    char path[160], expected[1000], found[1000] = "";

    snprintf(path, sizeof path, "%s.csv", at->folder);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s is not there", path);
    found[fread(found, 1, sizeof found - 1, file)] = '\0';
    fclose(file);
    snprintf(expected, sizeof expected, "id,balance,note\n%s", rows);
    cr_assert_str_eq(found, expected);
}

/* One round brings everything everywhere, and then nothing goes on. */
static void sync_once(pair *self)
{
    self->w->now_ms += 60000;
    cr_assert(small_device_sync(self->a));
    uint64_t entries = entries_of(self->a);
    for (int i = 0; i < 3; i++) {
        self->w->now_ms += 60000;
        cr_assert(small_device_sync(self->a));
    }
    cr_assert_eq(entries_of(self->a), entries, "it goes on by itself");
}

static void expect_both(pair *self, const char *rows)
{
    expect_rows(self->a, rows);
    expect_rows(&self->beside, rows);
}

static size_t conflicts_of(pair *self, const cf_binding *binding)
{
    cf_arena arena = {0};
    cf_binding_status status;

    cf_engine_status(self->a->engine, binding, &arena, &status);
    cf_arena_release(&arena);
    return status.conflict_count;
}

Test(engine_several, follow_each_other_without_a_broker)
{
    pair self = pair_new(NULL, NULL);

    put(self.a, "1,10,one\n2,20,two\n");
    sync_once(&self);
    expect_both(&self, "1,10,one\n2,20,two\n");
    put(&self.beside, "1,10,one\n2,21,two\n3,30,three\n");
    sync_once(&self);
    expect_both(&self, "1,10,one\n2,21,two\n3,30,three\n");
    put(self.a, "2,21,two\n3,30,three\n");
    sync_once(&self);
    expect_both(&self, "2,21,two\n3,30,three\n");
    pair_end(&self);
}

Test(engine_several, publish_both_at_once)
{
    pair self = pair_new(NULL, NULL);

    put(self.a, "1,10,one\n2,20,two\n");
    sync_once(&self);
    uint64_t entries = entries_of(self.a);
    put(self.a, "1,11,one\n2,20,two\n");
    put(&self.beside, "1,10,one\n2,20,zwei\n");
    sync_once(&self);
    expect_both(&self, "1,11,one\n2,20,zwei\n");
    cr_expect_eq(entries_of(self.a), entries + 2, "one entry each");
    cr_expect_eq(conflicts_of(&self, self.first), 0);
    pair_end(&self);
}

Test(engine_several, merge_different_fields_and_keep_both_of_one)
{
    pair self = pair_new(NULL, NULL);

    put(self.a, "1,10,one\n");
    sync_once(&self);
    put(self.a, "1,11,one\n");
    put(&self.beside, "1,10,eins\n");
    sync_once(&self);
    expect_both(&self, "1,11,eins\n");
    cr_expect_eq(conflicts_of(&self, self.first), 0);
    put(self.a, "1,12,eins\n");
    put(&self.beside, "1,13,eins\n");
    sync_once(&self);
    expect_both(&self, "1,13,eins\n");
    cr_expect_eq(conflicts_of(&self, self.first), 1);
    cr_expect_eq(conflicts_of(&self, self.second), 1);
    put(&self.beside, "");
    sync_once(&self);
    expect_both(&self, "");
    cr_expect_eq(conflicts_of(&self, self.first), 0);
    pair_end(&self);
}

Test(engine_several, take_the_same_edit_of_both_as_one)
{
    pair self = pair_new(NULL, NULL);

    put(self.a, "1,10,one\n");
    put(&self.beside, "1,10,one\n2,20,two\n");
    sync_once(&self);
    expect_both(&self, "1,10,one\n2,20,two\n");
    uint64_t entries = entries_of(self.a);
    put(self.a, "1,11,one\n2,20,two\n");
    put(&self.beside, "1,11,one\n2,20,two\n");
    sync_once(&self);
    expect_both(&self, "1,11,one\n2,20,two\n");
    cr_expect_eq(entries_of(self.a), entries + 1);
    cr_expect_eq(conflicts_of(&self, self.first), 0);
    pair_end(&self);
}

/* ---- Options of each ---- */

static void put_ten(small_device *at, int first)
{
    char rows[400] = "";

    for (int id = first; id <= 10; id++)
        sprintf(rows + strlen(rows), "%d,1,n\n", id);
    put(at, rows);
}

Test(engine_several, guard_each_by_itself)
{
    pair self = pair_new(NULL, NULL);

    self.w->guarded = true;
    put_ten(self.a, 1);
    sync_once(&self);
    put(&self.beside, "11,1,n\n12,1,n\n");
    sync_once(&self);
    cr_expect_eq(small_device_pending(self.a, self.second, CF_PENDING_HELD), 10);
    cr_expect_eq(small_device_pending(self.a, self.first, CF_PENDING_HELD), 0);
    self.w->guarded = false;
    sync_once(&self);
    expect_both(&self, "11,1,n\n12,1,n\n");
    pair_end(&self);
}

/* The word for one is the word for the other: it is the same delete. */
Test(engine_several, hold_back_in_one_what_is_much_for_it_alone)
{
    pair self = pair_new(NULL, &(table_place){.include = "note=x"});

#define ASKED_FOR "1,1,x\n2,1,x\n3,1,x\n4,1,x\n5,1,x\n6,1,x\n7,1,x\n8,1,x\n9,1,x\n10,1,x\n"
#define OTHERS "11,1,n\n12,1,n\n13,1,n\n"
    self.w->guarded = true;
    put(self.a, ASKED_FOR OTHERS);
    sync_once(&self);
    expect_rows(&self.beside, ASKED_FOR);
    put(self.a, OTHERS);
    sync_once(&self);
    expect_rows(&self.beside, ASKED_FOR);
    cr_expect_eq(small_device_pending(self.a, self.second, CF_PENDING_SPARED), 10);
    self.w->guarded = false;
    sync_once(&self);
    expect_rows(&self.beside, "");
    expect_rows(self.a, OTHERS);
    pair_end(&self);
}

Test(engine_several, include_what_each_asks_for)
{
    pair self = pair_new(NULL, &(table_place){.include = "note=x"});

    put(self.a, "1,1,x\n2,2,n\n");
    sync_once(&self);
    expect_rows(&self.beside, "1,1,x\n");
    put(self.a, "1,1,n\n2,2,x\n");
    sync_once(&self);
    expect_rows(self.a, "1,1,n\n2,2,x\n");
    expect_rows(&self.beside, "2,2,x\n");
    put(&self.beside, "2,3,x\n");
    sync_once(&self);
    expect_rows(self.a, "1,1,n\n2,3,x\n");
    pair_end(&self);
}

Test(engine_several, only_send_or_only_receive)
{
    pair self =
        pair_new(&(table_place){.mode = CF_MODE_SEND}, &(table_place){.mode = CF_MODE_RECEIVE});

    put(self.a, "1,1,n\n");
    sync_once(&self);
    expect_both(&self, "1,1,n\n");
    put(&self.beside, "1,2,n\n");
    sync_once(&self);
    expect_rows(self.a, "1,1,n\n");
    expect_rows(&self.beside, "1,2,n\n");
    cr_expect_eq(small_device_pending(self.a, self.second, CF_PENDING_UNSENT), 1);
    put(self.a, "1,1,n\n2,2,n\n");
    sync_once(&self);
    expect_rows(&self.beside, "1,2,n\n2,2,n\n");
    pair_end(&self);
}

Test(engine_several, stay_when_another_is_removed)
{
    pair self = pair_new(NULL, NULL);
    cf_error error;

    put(self.a, "1,10,one\n");
    sync_once(&self);
    expect_ok(cf_engine_drop_binding(self.a->engine, self.first, &error), error);
    put(self.a, "");
    put(&self.beside, "1,11,one\n");
    sync_once(&self);
    expect_rows(self.a, "");
    expect_rows(&self.beside, "1,11,one\n");
    small_device_bind_table(self.a, &(table_place){.number = 2});
    sync_once(&self);
    expect_rows(self.a, "1,11,one\n");
    pair_end(&self);
}

/* ---- Crashes ---- */

/* The process ends at a call of the round that brings one table's work to the other. False: it had
 * no such call. */
static bool crash_at(uint64_t call)
{
    pair self = pair_new(NULL, NULL);
    table rows = {0}, beside = {0};

    user_writes_rows(self.a, ROWS, 1, 0);
    sync_once(&self);
    uint64_t entries = entries_of(self.a), before = self.a->faults.calls;
    user_writes_rows(&self.beside, ROWS, 2, 3);
    self.a->faults =
        (disk_faults){.calls = before, .at = before + call, .reads = true, .status = CF_IO};
    small_device_round(
        self.a, &(cf_round_options){.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()}, 40);
    bool struck = self.a->faults.calls >= before + call;
    small_device_crash(self.a);
    sync_once(&self);
    user_reads_table(self.a, &rows);
    user_reads_table(&self.beside, &beside);
    cr_assert(tables_equal(&rows, &beside), "call %lu: they differ", (unsigned long)call);
    cr_assert_eq(rows.count, ROWS - 1);
    for (size_t i = 0; i < rows.count; i++)
        cr_assert_eq(rows.at[i].balance, 2);
    cr_assert_eq(entries_of(self.a), entries + 1, "call %lu: published what nobody did",
                 (unsigned long)call);
    table_release(&rows);
    table_release(&beside);
    pair_end(&self);
    return struck;
}

Test(engine_several, go_on_after_a_crash_between_them)
{
    uint64_t call = 1;

    while (call < CALLS_MAX && crash_at(call))
        call++;
    cr_expect_gt(call, 10, "nothing was struck");
}
