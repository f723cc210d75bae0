/* SPDX-License-Identifier: Apache-2.0 */
/* Acts beside more and more of what is no file: entries, sessions, devices, collections, rows,
 * blobs. */
#include "bench/growth.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/resource.h>

#include "bench/author.h"
#include "bench/workload.h"

enum { BLOB_SIZE = 100 * 1000 };

/* ---- A session that begins ---- */

/* Each save is an entry of the log, which a third device without a source has read. */
static cf_status make_entries(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_status status = from ? CF_OK : cf_scene_join(&growth->scene, error);

    if (!status)
        status = cf_growth_make_saves(growth, from, to, error);
    return status ? status : cf_scene_sync(&growth->scene, 2, NULL, error);
}

static cf_status greet(cf_growth *growth, size_t things, cf_error *error)
{
    (void)things;
    return cf_scene_sync(&growth->scene, 2, NULL, error);
}

/* ---- Others at the broker ---- */

enum { FIRST_PERSON = 1000, DESCRIPTORS = 16384 };
enum { SESSIONS_EACH = 8 }; /* as many as a device may have */
#define SILENCE_S 10.0

/* From an address of his own: the broker takes so many from one. */
static uint32_t address_of(uint32_t person)
{
    return INADDR_LOOPBACK + (person << 8);
}

static cf_status enrol(cf_growth *growth, uint32_t person, cf_error *error)
{
    cf_writings one = {0};
    cf_code invitation;

    cf_status status = cf_scene_invite(&growth->scene, &invitation, error);
    growth->broker = invitation.broker;
    if (!status)
        status = cf_writings_make(person, 0, 0, &one, error);
    if (!status)
        status = cf_caller_enrol(&invitation, address_of(person), cf_writings_at(&one, 0), error);
    cf_writings_release(&one);
    return status;
}

cf_status cf_growth_make_sessions(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};
    cf_status status = CF_OK;

    setrlimit(RLIMIT_NOFILE, &limit);
    growth->sessions = cf_grow(growth->sessions, &growth->session_capacity, to, sizeof(void *));
    for (; !status && from < to; from++) {
        uint32_t person = FIRST_PERSON + (uint32_t)(from / SESSIONS_EACH);
        cf_caller **one = &growth->sessions[growth->session_count];

        if (from % SESSIONS_EACH == 0)
            status = enrol(growth, person, error);
        if (!status)
            status = cf_caller_open(&growth->broker, person, address_of(person), one, error);
        growth->session_count += !status;
    }
    return status;
}

static cf_status be_silent(cf_growth *growth, size_t things, cf_error *error)
{
    (void)growth;
    (void)things;
    (void)error;
    cf_measure_wait(SILENCE_S);
    return CF_OK;
}

/* ---- Collections, devices, what has no place ---- */

static cf_status make_collections(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_status status = cf_growth_make_saves(growth, 0, 1, error);
    char name[32];

    for (; !status && from < to; from++) {
        snprintf(name, sizeof name, "other%zu", from);
        status = cf_scene_add_folder(&growth->scene, 0, name, error);
    }
    return status ? status : cf_growth_settle(growth, error);
}

static cf_status make_members(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_status status = CF_OK;

    for (; !status && from < to; from++)
        status = cf_scene_join_elsewhere(&growth->scene, error);
    return status ? status : cf_growth_settle(growth, error);
}

/* ---- A start without serve, on a third device ---- */

static cf_status catch_up(cf_growth *growth, cf_error *error)
{
    cf_status status = cf_scene_sync(&growth->scene, 0, NULL, error);

    return status ? status : cf_scene_sync(&growth->scene, 2, NULL, error);
}

static cf_status make_members_beside(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_status status = from ? CF_OK : cf_scene_join(&growth->scene, error);

    for (; !status && from < to; from++)
        status = cf_scene_join_elsewhere(&growth->scene, error);
    return status ? status : catch_up(growth, error);
}

static cf_status make_collections_beside(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_status status = from ? CF_OK : cf_scene_join(&growth->scene, error);
    char name[32];

    for (; !status && from < to; from++) {
        snprintf(name, sizeof name, "other%zu", from);
        status = cf_scene_add_folder(&growth->scene, 0, name, error);
    }
    return status ? status : catch_up(growth, error);
}

static cf_status start_alone(cf_growth *growth, size_t things, cf_error *error)
{
    (void)things;
    return cf_scene_status(&growth->scene, 2, NULL, error);
}

/* ---- Rows of a file ---- */

static cf_bench_path table_of(const cf_growth *growth, size_t device)
{
    cf_bench_path path;

    snprintf(path.text, sizeof path.text, "%.4000s.csv", growth->scene.devices[device].source.text);
    return path;
}

/* Of so many rows the first one says another thing each time. */
static cf_status save_table(cf_growth *growth, size_t device, size_t rows, cf_error *error)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "id,name,note\n");
    for (size_t i = 0; i < rows; i++)
        cf_buffer_append_text(&text, "%zu,name %zu,note %zu\n", i, i, i ? i : growth->made);
    cf_status status =
        cf_workload_save(table_of(growth, device).text, cf_buffer_view(&text), error);
    cf_buffer_release(&text);
    return status;
}

static cf_status change_row(cf_growth *growth, size_t things, cf_error *error)
{
    growth->made++;
    cf_status status = save_table(growth, 0, things, error);
    return status ? status
                  : cf_growth_wait_until_equal(table_of(growth, 0).text, table_of(growth, 1).text,
                                               error);
}

static cf_status make_rows(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && from == 0 && i < 2; i++) {
        status = save_table(growth, i, to, error);
        if (!status)
            status = cf_scene_add_rows(&growth->scene, i, table_of(growth, i).text, "csv", error);
        if (!status)
            status = cf_scene_sync(&growth->scene, i, NULL, error);
    }
    if (!status)
        status = change_row(growth, to, error);
    return status ? status : cf_growth_settle(growth, error);
}

/* ---- Blobs at the broker ---- */

static cf_status make_blob(cf_growth *growth, cf_error *error)
{
    const size_t number = growth->made++;

    return cf_workload_file(cf_growth_numbered(growth, "blob%zu", number).text, BLOB_SIZE, number,
                            error);
}

cf_status cf_growth_send_content(cf_growth *growth, size_t things, cf_error *error)
{
    char name[32];

    (void)things;
    snprintf(name, sizeof name, "blob%zu", growth->made);
    cf_status status = make_blob(growth, error);
    return status ? status : cf_growth_wait_for(growth, name, error);
}

cf_status cf_growth_make_blobs(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_status status = CF_OK;

    for (; !status && from < to; from++)
        status = make_blob(growth, error);
    return status ? status : cf_growth_settle(growth, error);
}

static cf_status ask_users(cf_growth *growth, size_t things, cf_error *error)
{
    (void)things;
    return cf_scene_users(&growth->scene, error);
}

/* ---- A sweep ---- */

static void end_sweeps(cf_growth *growth)
{
    cf_swept_destroy(&growth->swept);
}

static cf_status make_swept(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_bench_path folder;

    (void)from;
    end_sweeps(growth);
    snprintf(folder.text, sizeof folder.text, "%.3000s/swept%zu", growth->scene.folder.text, to);
    return cf_swept_new(folder.text, to, &growth->swept, error);
}

static cf_status sweep(cf_growth *growth, size_t things, cf_error *error)
{
    (void)things;
    return cf_swept_sweep(growth->swept, error);
}

const cf_growth_act cf_growth_beside[] = {
    {"a session that begins, by entries before it", "entries", 250, 5, 0, make_entries, greet,
     .who = CF_GROWTH_BROKER, .limited = CF_GROWTH_BIT(CALLS) | CF_GROWTH_BIT(WRITTEN)},
    {"10 s of a session that says nothing", "sessions", 312, 0, 1, cf_growth_make_sessions,
     be_silent, .each = true, .who = CF_GROWTH_BROKER},
    {"a save, by collections", "collections", 80, 0, 0, make_collections, cf_growth_save,
     .who = CF_GROWTH_DEVICES, .limited = CF_GROWTH_COUNTS},
    {"status beside serve, by devices", "devices", 12, 0, 5, make_members, cf_growth_ask_status,
     .runs = true, .who = CF_GROWTH_AUTHOR, .limited = CF_GROWTH_BIT(LOOKUPS)},
    {"a start without serve, by devices", "devices", 6, 0, 5, make_members_beside, start_alone,
     .runs = true, .who = CF_GROWTH_AUTHOR,
     .limited = CF_GROWTH_BIT(CALLS) | CF_GROWTH_BIT(LOOKUPS)},
    {"a start without serve, by collections", "collections", 20, 2, 5, make_collections_beside,
     start_alone, .runs = true, .who = CF_GROWTH_AUTHOR,
     .limited = CF_GROWTH_BIT(CALLS) | CF_GROWTH_BIT(LOOKUPS)},
    {"a row of a CSV file, by rows", "rows", 250, 10, 0, make_rows, change_row,
     .who = CF_GROWTH_DEVICES, .limited = CF_GROWTH_BIT(CALLS) | CF_GROWTH_BIT(LOOKUPS)},
    {"users, by blobs", "blobs", 25, 2, 5, cf_growth_make_blobs, ask_users, .runs = true,
     .who = CF_GROWTH_BROKER, .limited = CF_GROWTH_BIT(CALLS) | CF_GROWTH_BIT(LOOKUPS)},
    {"100 KB sent, by blobs before it", "blobs", 25, 2, 0, cf_growth_make_blobs,
     cf_growth_send_content, .who = CF_GROWTH_BROKER, .limited = CF_GROWTH_COUNTS},
    {"a sweep of unnamed blobs, by those that are named, each", "blobs", 250, 25, 3, make_swept,
     sweep, end_sweeps, .each = true, .runs = true, .who = CF_GROWTH_AUTHOR,
     .limited = CF_GROWTH_COUNTS},
};
const size_t cf_growth_beside_count = sizeof cf_growth_beside / sizeof *cf_growth_beside;
