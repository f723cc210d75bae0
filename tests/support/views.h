/* SPDX-License-Identifier: Apache-2.0 */
/* The frames of a message, as whoever takes them off a socket reads them. */
#ifndef CF_TESTS_VIEWS_H
#define CF_TESTS_VIEWS_H
#include "codec/message.h"

/* How many there are. */
static inline size_t frames_view(const cf_frames *frames, cf_bytes views[CF_MESSAGE_FRAMES])
{
    for (size_t i = 0; i < frames->count; i++)
        views[i] = cf_buffer_view(&frames->frame[i]);
    return frames->count;
}

static inline cf_status frames_read(const cf_frames *frames, cf_arena *arena, cf_message *out,
                                    cf_error *error)
{
    cf_bytes views[CF_MESSAGE_FRAMES];
    const size_t count = frames_view(frames, views);

    return cf_message_read(views, count, arena, out, error);
}

#endif
