/* SPDX-License-Identifier: Apache-2.0 */
/* A broker on loopback and devices of one user, as real processes, each with a home and a source
 * of its own below one folder. */
#ifndef CF_BENCH_SCENE_H
#define CF_BENCH_SCENE_H
#include "bench/bench.h"
#include "bench/process.h"
#include "codec/address.h"

enum { CF_SCENE_DEVICES = 4 };

typedef struct {
    cf_bench_path home;
    cf_bench_path source;
    cf_process serving;
} cf_scene_device;

typedef struct {
    const cf_bench *bench;
    cf_bench_path folder;
    cf_bench_path messages; /* what all programs said */
    cf_process broker;
    cf_address place; /* the broker's, where it listens */
    cf_scene_device devices[CF_SCENE_DEVICES];
    size_t count;
} cf_scene;

/* Whether both programs are there; else says so in the results. */
bool cf_scene_possible(const cf_bench *bench);

/* A new folder, a broker, and a user with one device. To be closed also when it failed. */
cf_status cf_scene_open(const cf_bench *bench, const char *name, cf_scene *out, cf_error *error);
/* Stops everything and removes the folder; the figures may be NULL. */
void cf_scene_close(cf_scene *scene, cf_usage *broker);

/* Ends it, and begins it again where its devices know it. */
cf_status cf_scene_restart_broker(cf_scene *scene, cf_error *error);
/* What admits one more user. */
cf_status cf_scene_invite(cf_scene *scene, cf_code *out, cf_error *error);
/* One more device of the user. */
cf_status cf_scene_join(cf_scene *scene, cf_error *error);
/* One more, of which nothing is kept here. */
cf_status cf_scene_join_elsewhere(cf_scene *scene, cf_error *error);
/* A folder that is not the device's source, as a collection of this name. */
cf_status cf_scene_add_folder(cf_scene *scene, size_t device, const char *name, cf_error *error);
/* Puts the device's source under sync; it is made when it isn't there. */
cf_status cf_scene_add(cf_scene *scene, size_t device, cf_error *error);
/* The same of a file that is there. */
cf_status cf_scene_add_file(cf_scene *scene, size_t device, const char *format, cf_error *error);
/* A file that is there, as the collection "rows": a database, or a CSV file with the key "id". */
cf_status cf_scene_add_rows(cf_scene *scene, size_t device, const char *path, const char *format,
                            cf_error *error);
cf_status cf_scene_sync(cf_scene *scene, size_t device, cf_usage *out, cf_error *error);
/* Of the broker: who its users are. */
cf_status cf_scene_users(cf_scene *scene, cf_error *error);
cf_status cf_scene_status(cf_scene *scene, size_t device, cf_usage *out, cf_error *error);
cf_status cf_scene_serve(cf_scene *scene, size_t device, cf_error *error);
/* Ends its `serve`. */
void cf_scene_rest(cf_scene *scene, size_t device, cf_usage *out);

/* What the last sync of the device moved, by a name of its `traffic`: "bytes_received". */
double cf_scene_traffic(const cf_scene *scene, size_t device, const char *name);

#endif
