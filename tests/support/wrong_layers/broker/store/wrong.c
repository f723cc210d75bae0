#include "broker/gateway/session.h"
