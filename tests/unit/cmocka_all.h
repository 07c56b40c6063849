// SPDX-License-Identifier: GPL-3.0-or-later
/* cmocka with the headers it forgets to include itself. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
