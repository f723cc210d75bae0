/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of vCard or iCalendar files, one item a file, as vdirsyncer, khard, khal and todoman use
 * it ("vdir"): which names in it are items, and the name of a new one. */
#ifndef CF_PEER_ADAPTERS_VDIR_H
#define CF_PEER_ADAPTERS_VDIR_H
#include "peer/adapters/adapter.h"

typedef enum {
    CF_VDIR_ITEM,
    CF_VDIR_SAVED, /* what a user saved in the last moment and could not return to its place */
    CF_VDIR_OTHER, /* nothing of ours: hidden, `color`, `displayname` and whatever else lies there
                    */
} cf_vdir_name;
/* The format is one that has an extension. */
cf_vdir_name cf_vdir_name_of(cf_bytes name, cf_format format);

/* The name of an item with this key: its UID where that makes a name that is safe everywhere, else,
 * or if `hashed`, a hash of it. Appended. */
void cf_vdir_make_name(cf_bytes key, cf_format format, bool hashed, cf_buffer *out);

#endif
