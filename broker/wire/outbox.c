/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wire/outbox.h"

#include "codec/hash_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_COST = 256 };

struct waiting {
    struct waiting *next;
    cf_frames frames;
};

/* What waits for one destination, in order. */
struct lane {
    cf_hash_link by_name;
    struct lane *next, **at; /* what points to it */
    struct waiting *first, *last;
    size_t size;
    uint8_t name_size;
    uint8_t name[32];
};

struct cf_outbox {
    struct lane *lanes, **end; /* only such as hold something, the longest waiting first */
    cf_hash_table by_name;
    size_t size;
};

cf_outbox *cf_outbox_new(void)
{
    cf_outbox *outbox = cf_allocate(1, sizeof *outbox);

    outbox->end = &outbox->lanes;
    return outbox;
}

/* What a message takes, small ones too: many of them count as what they are. */
static size_t frames_size(const cf_frames *frames)
{
    return MESSAGE_COST + frames->frame[0].size + frames->frame[1].size;
}

static cf_bytes name_of(const struct lane *lane)
{
    return cf_bytes_of(lane->name, lane->name_size);
}

static uint64_t hash_of(cf_bytes name)
{
    return cf_hash_keyed(name);
}

static struct lane *find(const cf_outbox *outbox, cf_bytes name)
{
    cf_hash_link *link = cf_hash_table_first(&outbox->by_name, hash_of(name));

    while (link && !cf_bytes_equal(name_of(cf_container_of(link, struct lane, by_name)), name))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, struct lane, by_name) : NULL;
}

static struct lane *add_lane(cf_outbox *outbox, cf_bytes name)
{
    struct lane *lane = cf_allocate(1, sizeof *lane);

    assert(name.size <= sizeof lane->name);
    lane->name_size = (uint8_t)name.size;
    if (name.size)
        memcpy(lane->name, name.data, name.size);
    cf_hash_table_add(&outbox->by_name, &lane->by_name, hash_of(name));
    lane->at = outbox->end;
    *lane->at = lane;
    outbox->end = &lane->next;
    return lane;
}

/* With what still waits in it. */
static void drop_lane(cf_outbox *outbox, struct lane *lane)
{
    cf_hash_table_remove(&outbox->by_name, &lane->by_name);
    *lane->at = lane->next;
    if (lane->next)
        lane->next->at = lane->at;
    else
        outbox->end = lane->at;
    outbox->size -= lane->size;
    while (lane->first) {
        struct waiting *message = lane->first;

        lane->first = message->next;
        cf_frames_release(&message->frames);
        free(message);
    }
    free(lane);
}

void cf_outbox_destroy(cf_outbox **outbox)
{
    if (!*outbox)
        return;
    while ((*outbox)->lanes)
        drop_lane(*outbox, (*outbox)->lanes);
    cf_hash_table_release(&(*outbox)->by_name);
    free(*outbox);
    *outbox = NULL;
}

void cf_outbox_add(cf_outbox *outbox, cf_bytes destination, const cf_message *message)
{
    struct lane *lane = find(outbox, destination);
    struct waiting *added = cf_allocate(1, sizeof *added);

    if (!lane)
        lane = add_lane(outbox, destination);
    cf_message_write(message, &added->frames);
    if (lane->last)
        lane->last->next = added;
    else
        lane->first = added;
    lane->last = added;
    lane->size += frames_size(&added->frames);
    outbox->size += frames_size(&added->frames);
}

/* True when the lane is empty, or nobody is there. */
static bool send_lane(cf_outbox *outbox, struct lane *lane, cf_outbox_sender *sender, void *context)
{
    while (lane->first) {
        struct waiting *message = lane->first;
        size_t size = frames_size(&message->frames);
        cf_send_answer answer = sender(context, name_of(lane), &message->frames);

        if (answer == CF_SEND_BLOCKED)
            return false;
        if (answer == CF_SEND_GONE)
            return true;
        lane->first = message->next;
        lane->size -= size;
        outbox->size -= size;
        cf_frames_release(&message->frames);
        free(message);
    }
    return true;
}

bool cf_outbox_send(cf_outbox *outbox, cf_outbox_sender *sender, void *context)
{
    for (struct lane *lane = outbox->lanes, *next; lane; lane = next) {
        const bool is_done = send_lane(outbox, lane, sender, context);

        next = lane->next;
        if (is_done)
            drop_lane(outbox, lane);
    }
    return outbox->lanes == NULL;
}

size_t cf_outbox_waiting(const cf_outbox *outbox, cf_bytes destination)
{
    const struct lane *lane = find(outbox, destination);

    return lane ? lane->size : 0;
}

size_t cf_outbox_size(const cf_outbox *outbox)
{
    return outbox->size;
}

void cf_outbox_discard(cf_outbox *outbox, cf_bytes destination)
{
    struct lane *lane = find(outbox, destination);

    if (lane)
        drop_lane(outbox, lane);
}
