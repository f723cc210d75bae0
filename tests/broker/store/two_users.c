/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/store/two_users.h"

const cf_hash ann_user = {"uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"};
const cf_hash bob_user = {"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"};
