/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wire/outbox.h"

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
    struct lane *next;
    struct waiting *first, *last;
    size_t size;
    uint8_t name_size;
    uint8_t name[32];
};

struct cf_outbox {
    struct lane *lanes; /* only such as hold something, the longest waiting first */
    size_t size;
};

cf_outbox *cf_outbox_new(void)
{
    return cf_allocate(1, sizeof(cf_outbox));
}

/* What a message takes, small ones too: many of them count as what they are. */
static size_t frames_size(const cf_frames *frames)
{
    return MESSAGE_COST + frames->frame[0].size + frames->frame[1].size;
}

static void free_lane(struct lane *lane)
{
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
    while ((*outbox)->lanes) {
        struct lane *lane = (*outbox)->lanes;

        (*outbox)->lanes = lane->next;
        free_lane(lane);
    }
    free(*outbox);
    *outbox = NULL;
}

/* The link that points at the destination's lane, or at the end. */
static struct lane **find(const cf_outbox *outbox, cf_bytes destination)
{
    struct lane **at = (struct lane **)&outbox->lanes;

    while (*at && !cf_bytes_equal(cf_bytes_of((*at)->name, (*at)->name_size), destination))
        at = &(*at)->next;
    return at;
}

void cf_outbox_add(cf_outbox *outbox, cf_bytes destination, const cf_message *message)
{
    struct lane **at = find(outbox, destination);
    struct waiting *added = cf_allocate(1, sizeof *added);

    assert(destination.size <= sizeof(*at)->name);
    if (!*at) {
        *at = cf_allocate(1, sizeof **at);
        (*at)->name_size = (uint8_t)destination.size;
        if (destination.size)
            memcpy((*at)->name, destination.data, destination.size);
    }
    cf_message_write(message, &added->frames);
    if ((*at)->last)
        (*at)->last->next = added;
    else
        (*at)->first = added;
    (*at)->last = added;
    (*at)->size += frames_size(&added->frames);
    outbox->size += frames_size(&added->frames);
}

/* True when the lane is empty, or nobody is there. */
static bool send_lane(cf_outbox *outbox, struct lane *lane, cf_outbox_sender *sender, void *context)
{
    while (lane->first) {
        struct waiting *message = lane->first;
        size_t size = frames_size(&message->frames);
        cf_send_answer answer =
            sender(context, cf_bytes_of(lane->name, lane->name_size), &message->frames);

        if (answer == CF_SEND_BLOCKED)
            return false;
        if (answer == CF_SEND_GONE) {
            outbox->size -= lane->size;
            return true;
        }
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
    struct lane **at = &outbox->lanes;

    while (*at) {
        struct lane *lane = *at;

        if (send_lane(outbox, lane, sender, context)) {
            *at = lane->next;
            free_lane(lane);
        } else {
            at = &lane->next;
        }
    }
    return outbox->lanes == NULL;
}

size_t cf_outbox_waiting(const cf_outbox *outbox, cf_bytes destination)
{
    const struct lane *lane = *find(outbox, destination);

    return lane ? lane->size : 0;
}

size_t cf_outbox_size(const cf_outbox *outbox)
{
    return outbox->size;
}

void cf_outbox_discard(cf_outbox *outbox, cf_bytes destination)
{
    struct lane **at = find(outbox, destination);
    struct lane *lane = *at;

    if (!lane)
        return;
    *at = lane->next;
    outbox->size -= lane->size;
    free_lane(lane);
}
