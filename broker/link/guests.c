/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/guests.h"

#include <stdlib.h>

typedef struct {
    cf_hash key;
    uint64_t expires_ms; /* 0: taken back, gone when the other knows */
    bool said, answered;
} guest;

typedef struct {
    cf_hash key;
    cf_buffer sealed;
} admission;

struct cf_guests {
    guest *guests;
    size_t count, capacity;
    admission *admissions; /* not sent yet */
    size_t admission_count, admission_capacity;
    int64_t clock_difference_ms; /* the other's clock minus ours */
};

cf_guests *cf_guests_new(void)
{
    return cf_allocate(1, sizeof(cf_guests));
}

static void release_admissions(cf_guests *guests)
{
    for (size_t i = 0; i < guests->admission_count; i++)
        cf_buffer_release(&guests->admissions[i].sealed);
    guests->admission_count = 0;
}

void cf_guests_destroy(cf_guests **guests)
{
    if (!*guests)
        return;
    release_admissions(*guests);
    free((*guests)->admissions);
    free((*guests)->guests);
    free(*guests);
    *guests = NULL;
}

static guest *find(const cf_guests *guests, const cf_hash *key)
{
    for (size_t i = 0; i < guests->count; i++) {
        if (cf_hash_equal(&guests->guests[i].key, key))
            return &guests->guests[i];
    }
    return NULL;
}

void cf_guests_allow(cf_guests *guests, const cf_hash *key, uint64_t expires_ms)
{
    guest *it = find(guests, key);

    if (!it) {
        it = cf_one_more(guests->guests, guests->count, guests->capacity);
    }
    *it = (guest){.key = *key, .expires_ms = expires_ms};
}

void cf_guests_admit(cf_guests *guests, const cf_hash *key, cf_bytes sealed)
{
    admission *it =
        cf_one_more(guests->admissions, guests->admission_count, guests->admission_capacity);
    *it = (admission){.key = *key};
    cf_buffer_append(&it->sealed, sealed.data, sealed.size);
}

/* An answer that was not sent is not: its guest knocks again, and is answered again. */
void cf_guests_begin(cf_guests *guests, int64_t clock_difference_ms)
{
    guests->clock_difference_ms = clock_difference_ms;
    for (size_t i = 0; i < guests->count; i++)
        guests->guests[i].said = guests->guests[i].answered = false;
    release_admissions(guests);
}

static void send_admissions(cf_guests *guests, cf_outbox *outbox)
{
    for (size_t i = 0; i < guests->admission_count; i++) {
        admission *it = &guests->admissions[i];
        cf_message message = {.command = CF_COMMAND_ADMIT,
                              .admit = {.key = it->key, .sealed = cf_buffer_view(&it->sealed)}};
        cf_outbox_add(outbox, (cf_bytes){0}, &message);
    }
    release_admissions(guests);
}

/* 0 takes back, by whatever clock. */
static uint64_t by_their_clock(const cf_guests *guests, uint64_t ms)
{
    const int64_t later = guests->clock_difference_ms;

    if (ms == 0)
        return 0;
    if (later < 0)
        return ms > -(uint64_t)later ? ms + (uint64_t)later : 1;
    return ms < UINT64_MAX - (uint64_t)later ? ms + (uint64_t)later : UINT64_MAX;
}

void cf_guests_pump(cf_guests *guests, uint64_t now_ms, cf_outbox *outbox)
{
    size_t kept = 0;

    send_admissions(guests, outbox);
    for (size_t i = 0; i < guests->count; i++) {
        guest *it = &guests->guests[i];
        bool is_over = it->expires_ms && it->expires_ms <= now_ms;
        if (!it->said && !is_over) {
            cf_message message = {
                .command = CF_COMMAND_GUEST,
                .guest = {.key = it->key, .expires_ms = by_their_clock(guests, it->expires_ms)}};
            cf_outbox_add(outbox, (cf_bytes){0}, &message);
            it->said = true;
        }
        if (!is_over)
            guests->guests[kept++] = *it;
    }
    guests->count = kept;
}

bool cf_guests_answered(cf_guests *guests, const cf_hash *key, bool refused)
{
    guest *it = find(guests, key);

    if (!it || it->answered)
        return false;
    it->answered = true;
    if (refused || !it->expires_ms)
        *it = guests->guests[--guests->count];
    return true;
}

bool cf_guests_is_waiting(const cf_guests *guests)
{
    for (size_t i = 0; i < guests->count; i++) {
        if (guests->guests[i].said && !guests->guests[i].answered)
            return true;
    }
    return false;
}
