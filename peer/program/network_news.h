/* SPDX-License-Identifier: Apache-2.0 */
/* News of the network: the machine has a new address or route (rtnetlink(7)), or woke from suspend,
 * which the kernel tells who waits for a clock that is set (TFD_TIMER_CANCEL_ON_SET,
 * timerfd_create(2)). Whoever waits for another try may make it at once then. */
#ifndef CF_PEER_PROGRAM_NETWORK_NEWS_H
#define CF_PEER_PROGRAM_NETWORK_NEWS_H
#include <stdbool.h>

typedef struct {
    int routes; /* readable when there is news; -1: this machine doesn't tell, as the next */
    int clock;
} cf_network_news;

cf_network_news cf_network_news_open(void);
void cf_network_news_close(cf_network_news *news);
/* Takes what there is. False: nothing of it makes a try worth while. */
bool cf_network_news_take(cf_network_news *news);

#endif
