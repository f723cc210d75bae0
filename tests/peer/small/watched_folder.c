/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/watched_folder.h"

#include "tests/support/expect.h"

small_world *served_world(small_device **first, small_device **second, bool known)
{
    small_world *w = small_world_new(5, 2);

    *first = &w->devices[0];
    *second = &w->devices[1];
    user_makes(*first, "above");
    user_makes(*first, "above/a");
    user_writes_text(*first, "above/a/one", "1");
    user_writes_text(*first, "above/a/two", "2");
    user_makes(*first, "above/b");
    small_device_serves(*first);
    small_device_passes(*first, QUIET_MS);
    if (known)
        cr_assert(small_device_sync(*first));
    cr_assert(small_device_sync(*second));
    return w;
}

bool shows(small_device *self, const char *path, const char *text)
{
    cr_assert(small_device_sync(self));
    return holds(self, path, text);
}
