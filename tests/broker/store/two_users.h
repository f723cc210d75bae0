/* SPDX-License-Identifier: Apache-2.0 */
/* The users whose entries and blobs the suites of stores and of blobs keep. */
#ifndef CF_TESTS_TWO_USERS_H
#define CF_TESTS_TWO_USERS_H
#include "codec/ids.h"

extern const cf_hash ann_user; /* that of an_author */
extern const cf_hash bob_user;

#endif
