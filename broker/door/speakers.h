/* SPDX-License-Identifier: Apache-2.0 */
/* Who speaks through which connection. A message comes with the routing id of its connection, which
 * no other has at the same time, and with a file descriptor, which tells nothing by itself: what a
 * connection had sent is still read when it has ended, and another may have its descriptor by then.
 * Of a connection that has ended only so many messages can be unread. So who was heard more often
 * than that through a descriptor since it was opened is the one that has it now, surely; until
 * then everybody who was heard through it may be. A routing id that was shut is remembered for as
 * long as something may still come of it. Decides; the shell shuts. */
#ifndef CF_BROKER_DOOR_SPEAKERS_H
#define CF_BROKER_DOOR_SPEAKERS_H
#include "codec/bytes.h"

#include <stdbool.h>

enum { CF_ROUTING_ID_MAX = 32 };

typedef struct cf_speakers cf_speakers;

/* Told of each whose connection is over. */
typedef void cf_speaker_gone(void *context, cf_bytes routing_id);

typedef struct {
    size_t unread; /* messages of one connection, at most, when its end is told */
    cf_speaker_gone *gone;
    void *context;
} cf_speakers_options;

cf_speakers *cf_speakers_new(const cf_speakers_options *options);
void cf_speakers_destroy(cf_speakers **speakers);

/* A connection has this descriptor from now on, or none has. */
void cf_speakers_opened(cf_speakers *speakers, int descriptor);
void cf_speakers_closed(cf_speakers *speakers, int descriptor, uint64_t now_ms);

/* Whether it was heard through this descriptor since that was opened. If not, all that is known of
 * descriptors opened and closed has to be told before cf_speakers_heard. */
bool cf_speakers_knows(const cf_speakers *speakers, int descriptor, cf_bytes routing_id);
void cf_speakers_heard(cf_speakers *speakers, int descriptor, cf_bytes routing_id);
/* Whether the descriptor is that of this one's connection. */
bool cf_speakers_is_sure(const cf_speakers *speakers, int descriptor, cf_bytes routing_id);
/* Those that may have it, one after the other; empty at the end. */
cf_bytes cf_speakers_at(const cf_speakers *speakers, int descriptor, size_t index);

/* Its connection was shut: nothing of it counts any more. */
void cf_speakers_shut(cf_speakers *speakers, int descriptor, cf_bytes routing_id);
bool cf_speakers_is_shut(const cf_speakers *speakers, int descriptor, cf_bytes routing_id,
                         uint64_t now_ms);

#endif
