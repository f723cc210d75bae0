/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/context/source_context.h"

uint64_t cf_deadline_set_back(uint64_t at_ms, uint64_t by_ms)
{
    if (at_ms == 0 || at_ms == UINT64_MAX)
        return at_ms;
    return at_ms > by_ms ? at_ms - by_ms : 1;
}
