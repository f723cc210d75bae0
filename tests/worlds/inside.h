/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a world share. */
#ifndef CF_TESTS_WORLDS_INSIDE_H
#define CF_TESTS_WORLDS_INSIDE_H
#include "tests/worlds/world.h"

/* ---- network.c ---- */

/* Ticks the link, connects, and puts what it says on the wire. True when something moved. */
bool station_pump(terminal *self, uint64_t *deadline);
/* Hands over what has arrived. */
bool network_deliver_up(world *self);
bool network_deliver_down(world *self);
/* When the next message arrives. */
uint64_t network_due(const world *self);
bool broker_pump(world_broker *self, uint64_t *deadline);
/* All connections to the broker are over. */
void network_cut_broker(world_broker *self);

/* ---- device.c ---- */

void device_bear_user(device *self);
void device_admit(device *owner, device *self);
void device_bind_folder(device *self);
void device_destroy(device *self);
/* One turn of its process; when something moved. */
bool device_turn(device *self, uint64_t *deadline);
void device_begin_round(device *self, const world_round *round);
void device_end_round(device *self);
/* The engine's link has its connection to the broker that is set now. */
void device_connect(device *self);
cf_status device_set_broker(device *self, const char *line, cf_error *error);
/* What a notice does: the log is brought to a broker that the user has left. */
void device_tells(device *self, int old);
int world_broker_at(const world *self, const char *line);

#endif
