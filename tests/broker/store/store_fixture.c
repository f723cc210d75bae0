/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/store/store_fixture.h"

#include <stdio.h>

static const uint8_t instance[16] = "instance of test";
static void open_store(stage *self)
{
    cf_store_options options = {.random = instance, .write_buffer = 1 << 20, .cache = 1 << 20};
    cf_store *inner = NULL;
    cf_error error;

    if (self->kind == STORE_IN_MEMORY || self->kind == STORE_ACTOR_OF_MEMORY)
        inner = cf_store_memory_new(self->disk);
    else {
        options.path = self->folder->path;
        expect_ok(cf_store_rocksdb_open(&options, &inner, &error), error);
    }
    self->store = inner;
    if (self->kind == STORE_ACTOR_OF_MEMORY || self->kind == STORE_ACTOR_OF_ROCKSDB) {
        expect_ok(cf_store_actor_new(&inner, &self->actor, &error), error);
        self->store = cf_store_actor_store(self->actor);
    }
    expect_ok(self->store->acquire(self->store, &ann_user, &self->epoch, &error), error);
}

static void close_store(stage *self)
{
    if (self->actor)
        cf_store_actor_destroy(&self->actor);
    else
        cf_store_destroy(&self->store);
}

stage a_stage(store_kind kind)
{
    stage made = {.kind = kind};

    if (kind == STORE_IN_MEMORY || kind == STORE_ACTOR_OF_MEMORY)
        made.disk = cf_store_memory_disk_new(instance);
    else
        made.folder = scratch_new();
    open_store(&made);
    return made;
}

void stage_crash(stage *self)
{
    close_store(self);
    open_store(self);
}

void stage_end(stage *self)
{
    close_store(self);
    cf_store_memory_disk_destroy(&self->disk);
    if (self->folder)
        scratch_destroy(&self->folder);
}

static void note_answer(void *context, cf_append_answer answer, uint64_t position,
                        const cf_error *error)
{
    stage *self = context;

    self->answer = answer;
    self->position = position;
    self->error = *error;
    self->answered++;
}

void stage_append_with(stage *self, cf_append *append)
{
    append->done = note_answer;
    append->context = self;
    self->store->append(self->store, append);
}

void stage_append_wire(stage *self, const cf_hash *user, uint64_t epoch, cf_bytes wire)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    expect_ok(cf_entry_read(wire, &arena, &entry, &error), error);
    cf_append append = {.user = *user, .epoch = epoch, .entry = &entry};
    stage_append_with(self, &append);
    cf_arena_release(&arena);
}

void stage_append(stage *self, author *writer, cf_buffer *wire)
{
    author_write(writer, cf_bytes_of_text("body"), wire);
    stage_append_wire(self, &writer->next.user, self->epoch, cf_buffer_view(wire));
}

void expect_commit(stage *self)
{
    cf_error error;

    expect_ok(self->store->commit(self->store, &error), error);
}

void expect_append(stage *self, author *writer, cf_append_answer answer, uint64_t position)
{
    cf_buffer wire = {0};
    size_t before = self->answered;

    stage_append(self, writer, &wire);
    expect_commit(self);
    cr_assert_eq(self->answered, before + 1);
    cr_assert_eq(self->answer, answer, "answer %d, expected %d", (int)self->answer, (int)answer);
    cr_assert_eq(self->position, position);
    cf_buffer_release(&wire);
}

typedef struct {
    uint64_t next;
    bool in_order;
} positions;

static bool note_position(void *context, uint64_t position, cf_bytes wire)
{
    positions *seen = context;
    (void)wire;

    if (position != seen->next)
        seen->in_order = false;
    seen->next++;
    return true;
}

void expect_positions(stage *self, const cf_hash *user, uint64_t from, uint64_t last)
{
    positions seen = {from, true};
    cf_error error;
    uint64_t newest;

    expect_ok(self->store->read(self->store, user, from, note_position, &seen, &error), error);
    cr_assert(seen.in_order);
    cr_assert_eq(seen.next, last + 1, "%lu entries, expected %lu", seen.next - from,
                 last + 1 - from);
    expect_ok(self->store->last(self->store, user, &newest, &error), error);
    cr_assert_eq(newest, last);
}

void stage_write(stage *self, const cf_hash *user, const char *key, const char *value, bool synced)
{
    cf_kv record = {.key = cf_bytes_of_text(key)};
    cf_error error;

    if (value)
        record.value = cf_bytes_of_text(value);
    expect_ok(self->store->write(self->store, user, &record, 1, synced, &error), error);
}

void expect_record(stage *self, const cf_hash *user, const char *key, const char *value)
{
    cf_buffer found = {0};
    cf_error error;
    cf_status status = self->store->get(self->store, user, cf_bytes_of_text(key), &found, &error);

    if (value) {
        expect_ok(status, error);
        cr_assert(cf_bytes_equal(cf_buffer_view(&found), cf_bytes_of_text(value)));
    } else {
        expect_fails(status, CF_MISSING);
    }
    cf_buffer_release(&found);
}

typedef struct {
    size_t count;
    char *text;
} damages;

static void note_damage(void *context, const cf_hash *user, const cf_error *what)
{
    damages *seen = context;
    (void)user;

    if (seen->count++ == 0)
        snprintf(seen->text, CF_ERROR_TEXT, "%s", what->text);
}

size_t stage_damages(stage *self, char text[CF_ERROR_TEXT])
{
    damages seen = {0, text};
    cf_error error;

    text[0] = '\0';
    expect_ok(self->store->verify(self->store, note_damage, &seen, &error), error);
    return seen.count;
}

void stage_append_tens(stage *self, author *ann, int tens)
{
    cf_buffer wire = {0};

    for (int i = 0; i < tens; i++) {
        for (int j = 0; j < 10; j++)
            stage_append(self, ann, &wire);
        expect_commit(self);
    }
    cr_assert_eq(self->answer, CF_APPEND_STORED);
    cf_buffer_release(&wire);
}

static bool add_head(void *context, const cf_head *head)
{
    cf_heads_insert(context, head);
    return true;
}

cf_heads stage_heads(stage *self)
{
    cf_heads heads = {0};

    expect_ok(self->store->heads(self->store, &ann_user, add_head, &heads, &self->error),
              self->error);
    return heads;
}
