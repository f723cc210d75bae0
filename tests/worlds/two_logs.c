/* SPDX-License-Identifier: Apache-2.0 */
/* A broker that shows two devices two logs, each sound in itself. */
#include "peer/account/notes.h"
#include "peer/log/catalog.h"
#include "peer/log/checkpoints.h"
#include "tests/worlds/inside.h"
#include "tests/worlds/scene.h"

#include <stdio.h>

/* What the broker keeps of checkpoints. */
static const uint8_t checkpoint_table = 'j';

typedef struct {
    uint8_t key[33];
    cf_buffer value;
} kept_checkpoint;

typedef struct {
    kept_checkpoint at[DEVICES_MAX];
    size_t count;
} kept_checkpoints;

static bool keep_one(void *context, cf_bytes key, cf_bytes value)
{
    kept_checkpoints *self = context;
    kept_checkpoint *one = &self->at[self->count++];

    cr_assert_eq(key.size, sizeof one->key);
    memcpy(one->key, key.data, key.size);
    cf_buffer_append(&one->value, value.data, value.size);
    return true;
}

static const cf_hash *user_of(world *w)
{
    return cf_peer_user(device_peer(&w->devices[0]));
}

static void take_checkpoints(world *w, kept_checkpoints *out)
{
    cf_store *store = w->brokers[0].broker.store;
    cf_error error;

    *out = (kept_checkpoints){0};
    expect_ok(
        store->scan(store, user_of(w), cf_bytes_of(&checkpoint_table, 1), keep_one, out, &error),
        error);
}

/* It hides entries, and passes these on: else nobody learns of the other log. */
static void give_checkpoints(world *w, kept_checkpoints *all)
{
    cf_store *store = w->brokers[0].broker.store;
    cf_error error;

    for (size_t i = 0; i < all->count; i++) {
        const cf_kv record = {cf_bytes_of(all->at[i].key, sizeof all->at[i].key),
                              cf_buffer_view(&all->at[i].value)};

        expect_ok(store->write(store, user_of(w), &record, 1, true, &error), error);
        cf_buffer_release(&all->at[i].value);
    }
    all->count = 0;
}

/* The text of the note; NULL: there is none. In the arena. */
static const char *note_of(device *who, cf_arena *arena)
{
    cf_notes notes = {0};
    const char *text = NULL;
    cf_error error;

    expect_ok(cf_notes_collect(device_peer(who), device_now(who), arena, &notes, &error), error);
    for (size_t i = 0; i < notes.count; i++)
        if (strcmp(notes.at[i].kind, "two-logs") == 0)
            text = notes.at[i].text;
    cf_notes_release(&notes);
    return text;
}

static void expect_no_note(device *who)
{
    cf_arena arena = {0};
    const char *text = note_of(who, &arena);

    cr_expect_null(text, "%s", text);
    cf_arena_release(&arena);
}

enum { NOTE_TEXT = 512 };

static void name_note(device *reader, device *about, char begins[NOTE_TEXT])
{
    char endpoint[CF_ADDRESS_TEXT];
    cf_arena arena = {0};

    cf_address_endpoint(&reader->in->brokers[0].address, endpoint);
    snprintf(
        begins, NOTE_TEXT, "the broker at %s shows %s and this device different logs: ", endpoint,
        cf_catalog_device_name(device_peer(reader), cf_peer_device(device_peer(about)), &arena));
    cf_arena_release(&arena);
}

static void expect_note(device *who, const char *begins)
{
    cf_arena arena = {0};
    const char *text = note_of(who, &arena);

    cr_assert(text, "it is said: %s", begins);
    cr_expect_eq(strncmp(text, begins, strlen(begins)), 0, "%s", text);
    cf_arena_release(&arena);
}

/* The disks that the broker has, for later. */
typedef struct {
    cf_store_memory_disk *disk;
    cf_blob_memory_disk *blobs;
} face;

static face face_of(const world_broker *broker)
{
    return (face){cf_store_memory_disk_copy(broker->broker.disk),
                  cf_blob_memory_disk_copy(broker->broker.blob_disk)};
}

static void show_face(world_broker *broker, face *shown)
{
    cf_store_memory_disk_destroy(&broker->old_disk);
    cf_blob_memory_disk_destroy(&broker->old_blob_disk);
    broker->old_disk = shown->disk;
    broker->old_blob_disk = shown->blobs;
    broker_crash(broker, BROKER_AS_OF_OLD);
}

/* In a session of its own; and nobody else hears anything meanwhile. */
static void syncs_anew(device *who)
{
    world *w = who->in;

    for (int i = 0; i < w->count; i++) {
        w->devices[i].offline = &w->devices[i] != who;
        if (w->devices[i].offline)
            network_cut_device(&w->devices[i]);
    }
    device_restart(who, END_CALMLY);
    cr_assert(syncs(who));
}

static world *two_in_sync(void)
{
    world *w = a_world(7, 2);

    disk_user_writes(w->devices[0].drive, "/things/file", "of both");
    for (int i = 0; i < 2; i++) {
        syncs_anew(&w->devices[0]);
        syncs_anew(&w->devices[1]);
    }
    return w;
}

Test(two_logs, both_devices_say_that_the_broker_shows_them_different_ones)
{
    world *w = two_in_sync();
    world_broker *broker = &w->brokers[0];
    device *one = &w->devices[0], *other = &w->devices[1];
    kept_checkpoints passed;
    char begins[NOTE_TEXT];

    face second = face_of(broker);
    disk_user_writes(one->drive, "/things/first", "what the one wrote");
    syncs_anew(one);
    expect_no_note(one);
    take_checkpoints(w, &passed);
    face first = face_of(broker);
    show_face(broker, &second);
    give_checkpoints(w, &passed);
    disk_user_writes(other->drive, "/things/second", "what the other wrote");
    syncs_anew(other);
    name_note(other, one, begins);
    expect_note(other, begins);
    take_checkpoints(w, &passed);
    show_face(broker, &first);
    give_checkpoints(w, &passed);
    disk_user_writes(one->drive, "/things/third", "what the one wrote then");
    syncs_anew(one);
    name_note(one, other, begins);
    expect_note(one, begins);
    world_destroy(&w);
}

/* Nobody says it of one that is honest, however it goes. */
Test(two_logs, of_one_log_nobody_says_it)
{
    world *w = two_in_sync();
    char path[64];

    for (int i = 0; i < 6; i++) {
        device *writer = &w->devices[i % 2];

        snprintf(path, sizeof path, "/things/file %d", i);
        disk_user_writes(writer->drive, path, "more");
        for (int k = 0; k < 2; k++)
            syncs_anew(&w->devices[k]);
        device_restart(writer, END_KILLED);
    }
    for (int i = 0; i < 2; i++)
        syncs_anew(&w->devices[i]);
    kept_checkpoints kept;
    take_checkpoints(w, &kept);
    cr_assert_eq(kept.count, 2, "both have said what they were shown");
    cr_expect(
        cf_bytes_equal(cf_bytes_of(kept.at[0].value.data + 35, kept.at[0].value.size - 35 - 66),
                       cf_bytes_of(kept.at[1].value.data + 35, kept.at[1].value.size - 35 - 66)),
        "and it is the same");
    give_checkpoints(w, &kept);
    for (int i = 0; i < 2; i++)
        expect_no_note(&w->devices[i]);
    world_destroy(&w);
}

/* Where a broker was set back positions get other entries. That is told as what it is. */
Test(two_logs, a_broker_that_was_set_back_is_not_said_to_show_two)
{
    world *w = two_in_sync();
    device *one = &w->devices[0], *other = &w->devices[1];

    broker_copy(&w->brokers[0]);
    disk_user_writes(one->drive, "/things/first", "soon gone there");
    syncs_anew(one);
    syncs_anew(other);
    broker_crash(&w->brokers[0], BROKER_AS_OF_OLD);
    disk_user_writes(other->drive, "/things/second", "takes its position");
    syncs_anew(other);
    syncs_anew(one);
    syncs_anew(other);
    expect_no_note(one);
    expect_no_note(other);
    world_destroy(&w);
}

/* Who was away meanwhile finds all there again that it had been shown, and has nothing to tell. */
Test(two_logs, nor_by_a_device_that_was_away_when_it_was)
{
    world *w = a_world(7, 3);
    device *one = &w->devices[0], *away = &w->devices[1], *third = &w->devices[2];

    disk_user_writes(one->drive, "/things/file", "of all");
    for (int i = 0; i < 6; i++)
        syncs_anew(&w->devices[i % 3]);
    broker_copy(&w->brokers[0]);
    disk_user_writes(one->drive, "/things/first", "soon gone there");
    syncs_anew(one);
    syncs_anew(away);
    broker_crash(&w->brokers[0], BROKER_AS_OF_OLD);
    disk_user_writes(third->drive, "/things/second", "takes its position");
    syncs_anew(third);
    syncs_anew(one);
    syncs_anew(away);
    syncs_anew(third);
    syncs_anew(one);
    for (int i = 0; i < 3; i++)
        expect_no_note(&w->devices[i]);
    world_destroy(&w);
}

/* A lie of a member, or of the broker in its name. */
Test(two_logs, what_its_device_has_not_signed_says_nothing)
{
    world *w = two_in_sync();
    world_broker *broker = &w->brokers[0];
    device *one = &w->devices[0], *other = &w->devices[1];
    kept_checkpoints passed;

    face second = face_of(broker);
    disk_user_writes(one->drive, "/things/first", "what the one wrote");
    syncs_anew(one);
    take_checkpoints(w, &passed);
    show_face(broker, &second);
    for (size_t i = 0; i < passed.count; i++)
        passed.at[i].value.data[passed.at[i].value.size - 1] ^= 1;
    give_checkpoints(w, &passed);
    disk_user_writes(other->drive, "/things/second", "what the other wrote");
    syncs_anew(other);
    expect_no_note(other);
    world_destroy(&w);
}

static uint64_t said_last(world *w, device *who)
{
    const cf_hash *self = cf_peer_device(device_peer(who));
    kept_checkpoints kept;
    uint64_t position = 0;
    cf_error error;

    take_checkpoints(w, &kept);
    for (size_t i = 0; i < kept.count; i++) {
        cf_reader reader = cf_reader_of(cf_buffer_view(&kept.at[i].value));
        cf_checkpoint said;

        expect_ok(cf_checkpoint_read(&reader, &said, &error), error);
        if (cf_hash_equal(&said.device, self))
            position = said.position;
    }
    give_checkpoints(w, &kept);
    return position;
}

/* However much is written in one session. */
Test(two_logs, a_session_says_it_four_times_in_ten_minutes)
{
    world *w = two_in_sync();
    device *one = &w->devices[0];
    char path[64];

    syncs_anew(one);
    for (int i = 0; i < 7; i++) {
        snprintf(path, sizeof path, "/things/one %d", i);
        disk_user_writes(one->drive, path, "more");
        cr_assert(syncs(one));
    }
    const uint64_t last = said_last(w, one);
    cf_store *store = w->brokers[0].broker.store;
    uint64_t position;
    cf_error error;

    expect_ok(store->last(store, user_of(w), &position, &error), error);
    cr_expect_eq(position - last, 3, "%d of %d", (int)last, (int)position);
    world_wait(w, CF_CHECKPOINT_AGAIN_MS);
    disk_user_writes(one->drive, "/things/later", "more");
    cr_assert(syncs(one));
    cr_expect_eq(said_last(w, one), position + 1);
    world_destroy(&w);
}
