/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that are handed from who writes them to who reads them, without a socket between. */
#ifndef CF_TESTS_FRAMES_H
#define CF_TESTS_FRAMES_H
#include "broker/gateway/gateway.h"
#include "broker/link/link.h"
#include "tests/support/views.h"

/* The link gets the message, as from a gateway. */
static inline void link_hears(cf_link *link, const cf_message *message, uint64_t now_ms,
                              cf_outbox *outbox)
{
    cf_bytes views[CF_MESSAGE_FRAMES];
    cf_frames frames = {0};

    cf_message_write(message, &frames);
    cf_link_handle(link, views, frames_view(&frames, views), now_ms, outbox);
    cf_frames_release(&frames);
}

/* The gateway gets the message of this peer. False: it ends the connection. */
static inline bool gateway_hears(cf_gateway *gateway, const cf_gateway_peer *from,
                                 const cf_message *message, uint64_t now_ms)
{
    cf_bytes views[CF_MESSAGE_FRAMES];
    cf_frames frames = {0};

    cf_message_write(message, &frames);
    bool goes_on = cf_gateway_handle(gateway, from, views, frames_view(&frames, views), now_ms);
    cf_frames_release(&frames);
    return goes_on;
}

#endif
