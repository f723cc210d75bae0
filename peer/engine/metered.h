/* SPDX-License-Identifier: Apache-2.0 */
/* Whether contents over 1 MiB wait because the network is metered: the user's choice, kept in the
 * home, and what NetworkManager says. A handler: no clock, no socket; `now_ms` is by the clock that
 * nobody sets. */
#ifndef CF_PEER_ENGINE_METERED_H
#define CF_PEER_ENGINE_METERED_H
#include "codec/limits.h"
#include "peer/log/home.h"

/* Of a content more than so many bytes don't travel over a metered network. */
#define CF_METERED_MAX ((uint64_t)CF_MIB)
/* So long such contents wait for the first answer; without one the network is not metered. */
#define CF_METERED_PATIENCE_MS UINT64_C(3000)

typedef enum {
    CF_METERED_SEND,  /* whatever the network is: nobody is asked */
    CF_METERED_PAUSE, /* contents wait where it is metered */
} cf_metered_choice;

typedef enum {
    CF_NETWORK_ASKED,   /* and nobody has answered yet */
    CF_NETWORK_UNKNOWN, /* there is nobody to answer: as not metered */
    CF_NETWORK_METERED,
    CF_NETWORK_UNMETERED,
} cf_network;

typedef struct {
    cf_metered_choice choice;
    cf_network network;
    uint64_t asked_until_ms; /* ASKED: from then on as not metered */
} cf_metered;

/* CF_METERED_SEND where none is kept; CF_BROKEN when what is kept there is none. */
cf_status cf_metered_recall(cf_home *home, cf_metered_choice *out, cf_error *error);
cf_status cf_metered_keep(cf_home *home, cf_metered_choice choice, cf_error *error);
/* "pause" or "send"; CF_USAGE. */
cf_status cf_metered_read(const char *text, cf_metered_choice *out, cf_error *error);
const char *cf_metered_name(cf_metered_choice choice);

/* A value of NMMetered (NetworkManager's D-Bus types): 0 unknown, 1 yes, 2 no, 3 guessed yes, 4
 * guessed no; any other is none that is known. */
cf_network cf_network_of(uint32_t metered);

/* The question is put from now on, and its patience begins. */
void cf_metered_ask(cf_metered *metered, uint64_t now_ms);
/* The patience with the question has not ended. */
bool cf_metered_awaits(const cf_metered *metered, uint64_t now_ms);
/* How many bytes of one content may travel now; UINT64_MAX: all. */
uint64_t cf_metered_most(const cf_metered *metered, uint64_t now_ms);
/* Contents wait, and not only for an answer. */
bool cf_metered_holds(const cf_metered *metered);

#endif
