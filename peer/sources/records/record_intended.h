/* SPDX-License-Identifier: Apache-2.0 */
/* What a run that was ended had intended (cf_record_run_intend), for who decides before a run
 * begins whether what lies there is the user's work. */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_INTENDED_H
#define CF_PEER_SOURCES_RECORDS_RECORD_INTENDED_H
#include "peer/bindings/binding.h"
#include "peer/log/peer.h"

/* Rows that it was about to write, or to take away; NULL: there are none. */
cf_status cf_record_intended_rows(cf_peer *peer, const cf_binding *binding, cf_rows **out,
                                  cf_error *error);

#endif
