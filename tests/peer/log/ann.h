/* SPDX-License-Identifier: Apache-2.0 */
/* Ann with one device and no broker: a home that was just made, and its log. */
#ifndef CF_TESTS_ANN_H
#define CF_TESTS_ANN_H
#include "peer/log/peer.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"

typedef struct {
    scratch *scratch;
    char path[96]; /* of the home */
    cf_env env;
    cf_home *home;
    cf_peer *peer;
    cf_arena arena;
    uint64_t now_ms;
    cf_id collection; /* for who makes one */
    cf_error error;
} ann;

ann *make_ann(void);
void end_ann(ann *self);

/* The same, and the catalog says her device's name. */
ann *make_named_ann(void);
/* The catalog says this of her device, at the pointer. */
void ann_says(ann *self, const char *pointer, const cf_buffer *value);

/* Her process ends and begins again. */
void ann_begins_again(ann *self);

#endif
