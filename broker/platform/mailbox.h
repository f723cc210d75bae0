/* SPDX-License-Identifier: Apache-2.0 */
/* A mailbox: letters from any thread to one, first in, first out, with a descriptor that a poller
 * sees readable while there are some. Letters are embedded in what is sent. */
#ifndef CF_BROKER_PLATFORM_MAILBOX_H
#define CF_BROKER_PLATFORM_MAILBOX_H
#include "codec/error.h"

typedef struct cf_letter cf_letter;

struct cf_letter {
    cf_letter *next; /* the mailbox's, and the reader's list */
};

typedef struct cf_mailbox cf_mailbox;

cf_status cf_mailbox_new(cf_mailbox **out, cf_error *error);
/* Letters that lie in it are the caller's to free before. */
void cf_mailbox_destroy(cf_mailbox **mailbox);

void cf_mailbox_put(cf_mailbox *mailbox, cf_letter *letter);
/* All that is there, oldest first, linked by `next`; NULL when it is empty. Never blocks. */
cf_letter *cf_mailbox_take(cf_mailbox *mailbox);
/* As take, after waiting until there is something. */
cf_letter *cf_mailbox_wait(cf_mailbox *mailbox);
int cf_mailbox_descriptor(const cf_mailbox *mailbox);

#endif
