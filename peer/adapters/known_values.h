/* SPDX-License-Identifier: Apache-2.0 */
/* What the values of a file stand for, where its format says some of them by halves: a card has no
 * word for a member that it doesn't know, of an entry that it does. A value that is what the format
 * says of a known one stands for that one, and so is no change; one that took its place has, of the
 * known one, what the format had no words for. */
#ifndef CF_PEER_ADAPTERS_KNOWN_VALUES_H
#define CF_PEER_ADAPTERS_KNOWN_VALUES_H
#include "peer/adapters/record_file.h"
#include "peer/records/record_view.h"

/* Puts what is meant in the place of what is said in the file's rows. Known are the rows of the
 * base, then those of the view. Returns the rows as they were, in the file's arena; NULL: the
 * format says all as it is, or nothing is known. `stale`, in that arena: of each row, whether the
 * file is to say it anew, as what another edit of it says by halves is other than it stands there;
 * NULL: none. */
const cf_row *cf_known_values_give(cf_record_file *file, const cf_row_format *format,
                                   const cf_rows *base, const cf_row_view *view, bool **stale);

#endif
