/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/watched_folder.h"

#include "tests/support/expect.h"

world *served_world(device **first, device **second, bool known)
{
    world *w = world_new(5, 2);

    *first = &w->devices[0];
    *second = &w->devices[1];
    user_makes(*first, "above");
    user_makes(*first, "above/a");
    user_writes_text(*first, "above/a/one", "1");
    user_writes_text(*first, "above/a/two", "2");
    user_makes(*first, "above/b");
    device_serves(*first);
    device_passes(*first, QUIET_MS);
    if (known)
        cr_assert(device_sync(*first));
    cr_assert(device_sync(*second));
    return w;
}

bool shows(device *self, const char *path, const char *text)
{
    cr_assert(device_sync(self));
    return holds(self, path, text);
}
