/* SPDX-License-Identifier: Apache-2.0 */
/* Other addresses of the same broker, that it told: kept in the home beside the one that was set,
 * tried when that one doesn't answer. Who answers there has to have the same key. */
#ifndef CF_PEER_TOLD_ADDRESSES_H
#define CF_PEER_TOLD_ADDRESSES_H
#include "codec/address.h"
#include "codec/bytes.h"
#include "peer/log/home.h"

enum { CF_TOLD_ADDRESSES_MAX = 8 };

typedef struct {
    cf_address all[CF_TOLD_ADDRESSES_MAX]; /* what was told last comes first */
    size_t count;
} cf_told_addresses;

/* Those of the text, one a line, that have the key of `own`, which is not among them. */
void cf_told_addresses_read(const char *text, const cf_address *own, cf_told_addresses *out);
void cf_told_addresses_write(const cf_told_addresses *told, cf_buffer *out);
/* Takes a line that came. One of another key, the own one and a host name alone, which may be
 * somebody else where the device is, are passed over; beyond so many the oldest goes. False:
 * nothing changed. */
bool cf_told_addresses_add(cf_told_addresses *told, const cf_address *own, cf_bytes line);
/* Takes those that came, the best first; only as many as are kept, so that the same ones change
 * nothing when they come again. */
bool cf_told_addresses_take(cf_told_addresses *told, const cf_address *own, const cf_bytes *lines,
                            size_t count);

/* As the home has them: none, where nothing was told. */
cf_status cf_told_addresses_load(cf_home *home, const cf_address *own, cf_told_addresses *out,
                                 cf_error *error);
cf_status cf_told_addresses_save(cf_home *home, const cf_told_addresses *told, cf_error *error);

#endif
