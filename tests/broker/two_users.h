/* SPDX-License-Identifier: Apache-2.0 */
/* Those whose things stores and blobs keep in tests. */
#ifndef CF_TESTS_TWO_USERS_H
#define CF_TESTS_TWO_USERS_H
#include "codec/ids.h"

extern const cf_hash ann_user; /* that of an_author */
extern const cf_hash bob_user;

#endif
