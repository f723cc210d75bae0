#include "peer/home.h"
