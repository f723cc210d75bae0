/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold in a world of rows; where it doesn't, the program ends and says so. */
#ifndef CF_TESTS_ROW_CHECK_H
#define CF_TESTS_ROW_CHECK_H
#include "tests/peer/records/row_world.h"

/* Who has applied all sees what he did just as he did it. */
void row_check_fidelity(const row_world *world, const row_source *source, const cf_row_view *before,
                        const cf_row_view *after);
/* The base after a scan is what it would be, had the source applied its own changes; but for what
 * is listed: that is known when the view is applied. */
void row_check_base(const row_world *world, const row_source *source, const cf_row_view *before,
                    const cf_row_view *after);

/* Two devices see the same. */
void row_check_equal(const row_world *world, const cf_row_view *a, const cf_row_view *b);
/* No row is hidden since another one has what only one can have, and no two have that. */
void row_check_shown(const row_world *world, const cf_row_view *view);
/* All sources of the device show the view, as far as they can. */
void row_check_disks(const row_world *world, const row_device *device, const cf_row_view *view);

#endif
