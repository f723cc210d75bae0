/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/engine/engine_inside.h"

void cf_engine_look_flows(cf_engine *engine)
{
    const uint64_t now_ms = cf_env_steady_ms(engine->env);
    const cf_flow_count up = cf_uploads_flow(engine->workshop.uploads);
    const cf_flow_count down = cf_downloads_flow(engine->workshop.downloads);

    cf_flow_look(&engine->up, &up, now_ms);
    cf_flow_look(&engine->down, &down, now_ms);
}

void cf_engine_flows(cf_engine *engine, cf_flows *out)
{
    const uint64_t now_ms = cf_env_steady_ms(engine->env);

    cf_engine_look_flows(engine);
    *out = (cf_flows){cf_flow_show(&engine->up, now_ms), cf_flow_show(&engine->down, now_ms)};
}
