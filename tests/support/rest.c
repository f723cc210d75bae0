/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/rest.h"

bool comes_to_rest(const resting *how)
{
    cf_buffer before = {0}, after = {0};
    bool quiet = false, ended = true;

    for (int i = 0; i < how->rounds && !quiet && (ended || !how->ends_at_first); i++) {
        uint64_t entries = how->entries(how->world);

        cf_buffer_clear(&before);
        cf_buffer_clear(&after);
        how->list(how->world, &before);
        ended = how->round(how->world);
        how->list(how->world, &after);
        quiet = i > 0 && ended && entries == how->entries(how->world) &&
                cf_bytes_equal(cf_buffer_view(&before), cf_buffer_view(&after));
    }
    cf_buffer_release(&before);
    cf_buffer_release(&after);
    return quiet;
}

bool lists_alike(cf_bytes one, int number, cf_bytes other, int other_number, cf_buffer *difference)
{
    bool alike = cf_bytes_equal(one, other);

    if (!alike)
        cf_buffer_append_text(difference, "device %d:\n%.*sdevice %d:\n%.*s", number, (int)one.size,
                              (const char *)one.data, other_number, (int)other.size,
                              (const char *)other.data);
    return alike;
}
