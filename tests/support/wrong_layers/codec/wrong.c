#include "peer/log/home.h"
