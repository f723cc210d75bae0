/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of records that a log keeps beside its entries, and their keys. */
#ifndef CF_BROKER_LOG_LOG_TABLES_H
#define CF_BROKER_LOG_LOG_TABLES_H
#include "codec/bytes.h"
#include "codec/ids.h"
#include "codec/limits.h"

#include <string.h>

/* Private records: members in their order, which of them were verified (one record), blobs that are
 * wanted, devices whose entries' validity isn't settled. A key is the letter and what follows it:
 * 'r' and a member's ordinal, 9 bytes; 'b' and a blob, 33; 'y', what may have happened, and a
 * device, 34; 'V' alone. A peer's own records use the letters 'r', 'b' and 'y', too, with a source
 * behind them: 5 bytes (CF_KEY_SOURCE_SIZE of peer/log/tables.h). So a key's size says whose a
 * record is, and whoever scans one of these tables leaves keys of other sizes aside; that the sizes
 * differ is asserted in peer/log/tables.c. */
enum {
    CF_LOG_REGISTRY = 'r',
    CF_LOG_VERIFIED = 'V',
    CF_LOG_WANTED = 'b',
    CF_LOG_UNSETTLED = 'y',
    CF_LOG_REGISTRY_KEY = 1 + sizeof(uint64_t),
    CF_LOG_WANTED_KEY = 1 + CF_HASH_SIZE,
    CF_LOG_UNSETTLED_KEY = 2 + CF_HASH_SIZE,
    CF_LOG_KEY_MAX = CF_LOG_UNSETTLED_KEY,
    CF_LOG_WANTED_KNOWN = CF_ENTRY_BLOBS_MAX, /* as many as one greeting asks for */
};

static inline cf_bytes cf_log_record_key(uint8_t table, const uint8_t *rest, size_t size,
                                         uint8_t out[CF_LOG_KEY_MAX])
{
    out[0] = table;
    memcpy(out + 1, rest, size);
    return cf_bytes_of(out, size + 1);
}

#endif
