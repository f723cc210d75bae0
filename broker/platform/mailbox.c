/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/mailbox.h"

#include "codec/bytes.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct cf_mailbox {
    pthread_mutex_t lock;
    cf_letter *first, **end;
    int event; /* counts 1 while there is a letter, else 0 */
};

cf_status cf_mailbox_new(cf_mailbox **out, cf_error *error)
{
    int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    if (event < 0)
        return cf_fail_errno(error, errno, "making an eventfd");
    cf_mailbox *mailbox = cf_allocate(1, sizeof *mailbox);
    pthread_mutex_init(&mailbox->lock, NULL);
    mailbox->end = &mailbox->first;
    mailbox->event = event;
    *out = mailbox;
    return CF_OK;
}

void cf_mailbox_destroy(cf_mailbox **mailbox)
{
    if (!*mailbox)
        return;
    pthread_mutex_destroy(&(*mailbox)->lock);
    close((*mailbox)->event);
    free(*mailbox);
    *mailbox = NULL;
}

void cf_mailbox_put(cf_mailbox *mailbox, cf_letter *letter)
{
    letter->next = NULL;
    pthread_mutex_lock(&mailbox->lock);
    if (!mailbox->first)
        eventfd_write(mailbox->event, 1); /* from 0 to 1: can't fail */
    *mailbox->end = letter;
    mailbox->end = &letter->next;
    pthread_mutex_unlock(&mailbox->lock);
}

cf_letter *cf_mailbox_take(cf_mailbox *mailbox)
{
    eventfd_t count;

    pthread_mutex_lock(&mailbox->lock);
    cf_letter *first = mailbox->first;
    if (first)
        eventfd_read(mailbox->event, &count);
    mailbox->first = NULL;
    mailbox->end = &mailbox->first;
    pthread_mutex_unlock(&mailbox->lock);
    return first;
}

cf_letter *cf_mailbox_wait(cf_mailbox *mailbox)
{
    struct pollfd readable = {.fd = mailbox->event, .events = POLLIN};
    cf_letter *first;

    while (!(first = cf_mailbox_take(mailbox)))
        poll(&readable, 1, -1);
    return first;
}

int cf_mailbox_descriptor(const cf_mailbox *mailbox)
{
    return mailbox->event;
}
