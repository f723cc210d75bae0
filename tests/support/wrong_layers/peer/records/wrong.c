#include "peer/sources/files/scan.h"
