/* SPDX-License-Identifier: Apache-2.0 */
/* The events of a link whose owner cares about few of them. */
#ifndef CF_PEER_ENGINE_LINK_SILENCE_H
#define CF_PEER_ENGINE_LINK_SILENCE_H
#include "broker/link/link.h"

/* All are there and do nothing. */
cf_link_events cf_link_silence(void *context);

#endif
