/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/exit_code.h"

void cf_standing_add(cf_standing *standing, cf_status status)
{
    switch (status) {
    case CF_OK:
        break;
    case CF_BROKEN:
        standing->repair = true;
        break;
    case CF_UNSAFE:
        standing->stop = true;
        break;
    case CF_DENIED:
        standing->denied = true;
        break;
    case CF_UNREACHABLE:
        standing->unreachable = true;
        break;
    case CF_LOCKED:
        standing->locked = true;
        break;
    default:
        standing->failed = true;
        break;
    }
}

int cf_standing_exit_code(const cf_standing *standing)
{
    const struct {
        bool holds;
        int code;
    } order[] = {{standing->repair, 7},      {standing->stop, 8},   {standing->denied, 6},
                 {standing->unreachable, 5}, {standing->locked, 9}, {standing->failed, 1},
                 {standing->conflicts, 4}};

    for (unsigned i = 0; i < sizeof order / sizeof order[0]; i++)
        if (order[i].holds)
            return order[i].code;
    return 0;
}
