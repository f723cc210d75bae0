/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wire/inflow.h"

#include <stdlib.h>
#include <string.h>

#include "codec/limits.h"

enum {
    GREETING_SIZE = 64, /* of ZMTP 3, before the first frame */
    LARGE = 2,          /* in a frame's first byte: its size takes 8 bytes, not 1 */
    SHORT_HEADER = 2,
    LONG_HEADER = 9,
    CURVE_SIZE = 33,  /* what sealing adds to a frame */
    FRAME_COST = 128, /* what libzmq takes for a frame beside its bytes */
};

typedef struct {
    bool is_open, is_over, is_broken_off;
    bool is_heard;   /* since it was last asked how often it wasn't */
    uint64_t window; /* 0: a stranger's */
    uint64_t waiting, read;
    uint64_t read_at[CF_INFLOW_MESSAGES]; /* `read` when each of the last ones was taken */
    size_t taken;
    unsigned quiet;
    uint64_t left; /* of the greeting or the frame in hand */
    uint8_t header[LONG_HEADER];
    size_t header_size;
    uint8_t greeting[GREETING_SIZE];
    size_t greeting_size;
} connection;

struct cf_inflow {
    connection *connections; /* by descriptor */
    size_t count, capacity;
    uint64_t of_strangers; /* waiting */
};

cf_inflow *cf_inflow_new(void)
{
    return cf_allocate(1, sizeof(cf_inflow));
}

void cf_inflow_destroy(cf_inflow **inflow)
{
    if (!*inflow)
        return;
    free((*inflow)->connections);
    free(*inflow);
    *inflow = NULL;
}

/* NULL when none has it. */
static connection *connection_at(const cf_inflow *inflow, int descriptor)
{
    bool is_open = descriptor >= 0 && (size_t)descriptor < inflow->count &&
                   inflow->connections[descriptor].is_open;

    return is_open ? &inflow->connections[descriptor] : NULL;
}

static bool counts_as_stranger(const connection *it)
{
    return it->is_open && !it->is_over && it->window == 0;
}

static void set_waiting(cf_inflow *inflow, connection *it, uint64_t waiting)
{
    if (counts_as_stranger(it))
        inflow->of_strangers += waiting - it->waiting;
    it->waiting = waiting;
}

void cf_inflow_closed(cf_inflow *inflow, int descriptor)
{
    connection *it = connection_at(inflow, descriptor);

    if (!it)
        return;
    set_waiting(inflow, it, 0);
    it->is_open = false;
}

void cf_inflow_opened(cf_inflow *inflow, int descriptor)
{
    if (descriptor < 0)
        return;
    cf_inflow_closed(inflow, descriptor);
    while (inflow->count <= (size_t)descriptor) {
        *cf_one_more(inflow->connections, inflow->count, inflow->capacity) = (connection){0};
    }
    inflow->connections[descriptor] = (connection){.is_open = true, .left = GREETING_SIZE};
}

static uint64_t size_in(const uint8_t header[LONG_HEADER])
{
    return header[0] & LARGE ? cf_get_u64(header + 1) : header[1];
}

/* How many frames begin in it. */
static uint64_t count_frames(connection *it, cf_bytes bytes)
{
    uint64_t count = 0;

    for (size_t at = 0; at < bytes.size;) {
        if (it->left) {
            uint64_t step = it->left < bytes.size - at ? it->left : bytes.size - at;

            it->left -= step;
            at += (size_t)step;
            continue;
        }
        it->header[it->header_size++] = bytes.data[at++];
        if (it->header_size < (size_t)(it->header[0] & LARGE ? LONG_HEADER : SHORT_HEADER))
            continue;
        it->left = size_in(it->header);
        it->header_size = 0;
        count++;
    }
    return count;
}

uint64_t cf_inflow_cost(size_t size)
{
    uint64_t sealed = (uint64_t)size + CURVE_SIZE;

    return (uint64_t)FRAME_COST + (uint64_t)(sealed > UINT8_MAX ? LONG_HEADER : SHORT_HEADER) +
           sealed;
}

static int end(cf_inflow *inflow, connection *it)
{
    set_waiting(inflow, it, 0);
    it->is_over = true;
    return (int)(it - inflow->connections);
}

static connection *stranger_with_most(const cf_inflow *inflow)
{
    connection *most = NULL;

    for (size_t i = 0; i < inflow->count; i++) {
        connection *it = &inflow->connections[i];

        if (counts_as_stranger(it) && (!most || it->waiting > most->waiting))
            most = it;
    }
    return most;
}

static void keep_greeting(connection *it, cf_bytes bytes)
{
    const size_t room = GREETING_SIZE - it->greeting_size;
    const size_t size = bytes.size < room ? bytes.size : room;

    memcpy(it->greeting + it->greeting_size, bytes.data, size);
    it->greeting_size += size;
}

int cf_inflow_read(cf_inflow *inflow, int descriptor, cf_bytes bytes)
{
    connection *it = connection_at(inflow, descriptor);

    if (!it)
        return -1;
    if (it->is_over)
        return descriptor;
    keep_greeting(it, bytes);
    uint64_t cost = bytes.size + (uint64_t)FRAME_COST * count_frames(it, bytes);
    it->read += cost;
    it->is_heard = true;
    set_waiting(inflow, it, it->waiting + cost);
    if (it->waiting > it->window + CF_UNTAKEN_MAX)
        return end(inflow, it);
    if (inflow->of_strangers > CF_STRANGERS_UNTAKEN_MAX)
        return end(inflow, stranger_with_most(inflow));
    return -1;
}

void cf_inflow_taken(cf_inflow *inflow, int descriptor, uint64_t cost)
{
    connection *it = connection_at(inflow, descriptor);

    if (!it)
        return;
    uint64_t *earlier = &it->read_at[it->taken++ % CF_INFLOW_MESSAGES];
    uint64_t since = it->read - *earlier;
    uint64_t waiting = it->waiting > cost ? it->waiting - cost : 0;
    *earlier = it->read;
    set_waiting(inflow, it, waiting < since ? waiting : since);
}

void cf_inflow_grant(cf_inflow *inflow, int descriptor, uint64_t window)
{
    connection *it = connection_at(inflow, descriptor);

    if (!it)
        return;
    if (counts_as_stranger(it))
        inflow->of_strangers -= it->waiting;
    it->window = window;
    if (counts_as_stranger(it))
        inflow->of_strangers += it->waiting;
}

unsigned cf_inflow_count_quiet(cf_inflow *inflow, int descriptor)
{
    connection *it = connection_at(inflow, descriptor);

    if (!it)
        return 0;
    it->quiet = it->is_heard ? 0 : it->quiet + 1;
    it->is_heard = false;
    return it->quiet;
}

bool cf_inflow_is_over(const cf_inflow *inflow, int descriptor)
{
    return descriptor >= 0 && (size_t)descriptor < inflow->count &&
           inflow->connections[descriptor].is_over;
}

void cf_inflow_broken_off(cf_inflow *inflow, int descriptor)
{
    connection *it = connection_at(inflow, descriptor);

    if (it)
        it->is_broken_off = true;
}

bool cf_inflow_is_broken_off(const cf_inflow *inflow, int descriptor)
{
    return descriptor >= 0 && (size_t)descriptor < inflow->count &&
           inflow->connections[descriptor].is_broken_off;
}

static bool begins_so(const connection *it, size_t at, const char *text, size_t size)
{
    const size_t there = it->greeting_size > at ? it->greeting_size - at : 0;

    return memcmp(it->greeting + at, text, there < size ? there : size) == 0;
}

cf_greeting cf_inflow_greeting(const cf_inflow *inflow, int descriptor)
{
    static const char signature[] = "\xff\0\0\0\0\0\0\0", mechanism[20] = "CURVE";
    const bool is_known = descriptor >= 0 && (size_t)descriptor < inflow->count;
    const connection *it = is_known ? &inflow->connections[descriptor] : NULL;

    if (!it || !it->greeting_size)
        return CF_GREETING_NONE;
    if (begins_so(it, 0, "HTTP/", 5))
        return CF_GREETING_HTTP;
    /* The last byte of a signature's length is 0 or 1. ZMTP 3 (RFC 23): 10 bytes of signature, 2 of
     * version, 20 of mechanism. */
    if (!begins_so(it, 0, signature, 8) || !begins_so(it, 9, "\x7f", 1) ||
        !begins_so(it, 12, mechanism, sizeof mechanism))
        return CF_GREETING_FOREIGN;
    return it->greeting_size == GREETING_SIZE ? CF_GREETING_CURVE : CF_GREETING_BEGUN;
}
