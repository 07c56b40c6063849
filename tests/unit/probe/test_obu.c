// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/obu.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
