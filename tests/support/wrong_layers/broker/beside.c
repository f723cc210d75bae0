#include "codec/bytes.h"
